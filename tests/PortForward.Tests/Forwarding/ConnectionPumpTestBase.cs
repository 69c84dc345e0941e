using System.Net;
using System.Net.Sockets;
using PortForward.Forwarding;
using PortForward.Tests.Support;

namespace PortForward.Tests.Forwarding;

/// <summary>The pump between a real client on the loopback and a pod that is the test.</summary>
public abstract class ConnectionPumpTestBase : IDisposable
{
    private protected readonly FakeTunnelSource _tunnels = new();
    private protected readonly CountingTime _time = new();
    private protected readonly CancellationTokenSource _stop = new();
    private protected readonly PortForwarderOptions _options;
    private readonly List<IDisposable> _sockets = [];

    private protected ConnectionPumpTestBase() => _options = new PortForwarderOptions { Time = _time };

    public void Dispose()
    {
        _stop.Dispose();
        foreach (IDisposable socket in _sockets)
        {
            socket.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    private protected async Task<(Socket Client, Socket Accepted)> ConnectAsync(int receiveBuffer = 0)
    {
        (Socket client, Socket accepted) = await Sockets.ConnectedPairAsync(receiveBuffer);
        _sockets.AddRange([client, accepted]);
        return (client, accepted);
    }

    private protected async Task<(ConnectionPump Pump, Task<ConnectionEnd> Run, FakePair Pair)> StartAsync(
        Socket accepted, PortForwarderOptions? options = null, string expectedInitialData = "")
    {
        var pump = new ConnectionPump(accepted, _tunnels, new ForwardedPort(new IPEndPoint(IPAddress.Loopback, 8080), 80), options ?? _options);
        Task<ConnectionEnd> run = pump.RunAsync(_stop.Token);
        FakeTunnelSource.OpenedPair opened = await _tunnels.NextAsync();
        (opened.Port, opened.InitialData).Should().Be((80, expectedInitialData));
        return (pump, run, opened.Pair);
    }

    private protected async Task<(Socket Client, ConnectionPump Pump, Task<ConnectionEnd> Run, FakePair Pair)> StartAsync()
    {
        (Socket client, Socket accepted) = await ConnectAsync();
        (ConnectionPump pump, Task<ConnectionEnd> run, FakePair pair) = await StartAsync(accepted);
        return (client, pump, run, pair);
    }

    /// <summary>Starts a connection that has sent something and gets no tunnel for now.</summary>
    private protected async Task<(Socket Client, Task<ConnectionEnd> Run)> HoldAsync(string alreadySent, Task? until = null, PortForwarderOptions? options = null)
    {
        (Socket client, Socket accepted) = await ConnectAsync();
        await client.SendAsync(alreadySent);
        await Waiting.UntilAsync(() => accepted.Available == alreadySent.Length);
        _tunnels.Gate = until ?? new TaskCompletionSource().Task;
        var pump = new ConnectionPump(accepted, _tunnels, new ForwardedPort(new IPEndPoint(IPAddress.Loopback, 8080), 80), options ?? _options);
        Task<ConnectionEnd> run = pump.RunAsync(_stop.Token);
        await Waiting.UntilAsync(() => _tunnels.Openings == 1);
        return (client, run);
    }
}
