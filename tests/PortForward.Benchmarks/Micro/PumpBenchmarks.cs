using System.Net;
using System.Net.Sockets;
using BenchmarkDotNet.Attributes;
using PortForward.Forwarding;

namespace PortForward.Benchmarks.Micro;

/// <summary>The pump between a client on the loopback interface and a pod that costs nothing; the figures are those of one frame of many.</summary>
public class PumpBenchmarks
{
    private const int FrameSize = 32 * 1024;
    private const int Frames = 2_000;

    private readonly byte[] _buffer = new byte[FrameSize];
    private readonly CancellationTokenSource _stop = new();
    private readonly MemoryPod _pod = new();
    private Socket _client = null!;
    private Task _run = Task.CompletedTask;

    [GlobalSetup]
    public async Task SetupAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await _client.ConnectAsync(listener.LocalEndPoint!);
        var accepted = await listener.AcceptAsync();
        var port = new ForwardedPort((IPEndPoint)listener.LocalEndPoint!, TargetPort: 80);
        _run = new ConnectionPump(accepted, _pod, port, new PortForwarderOptions()).RunAsync(_stop.Token);
    }

    [GlobalCleanup]
    public async Task CleanupAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _client.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Frames, Description = "pod to client, 32 KiB")]
    public void Download()
    {
        var sending = Task.Run(() => _pod.SendAsync(_buffer, Frames));
        for (var left = (long)Frames * FrameSize; left > 0;)
            left -= _client.Receive(_buffer);
        sending.GetAwaiter().GetResult();
    }

    [Benchmark(OperationsPerInvoke = Frames, Description = "client to pod, 32 KiB")]
    public void Upload()
    {
        var received = _pod.ExpectAsync((long)Frames * FrameSize);
        for (var i = 0; i < Frames; i++)
            _client.Send(_buffer);
        received.GetAwaiter().GetResult();
    }
}
