using System.Buffers.Binary;
using System.IO.Pipelines;
using BenchmarkDotNet.Attributes;
using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Benchmarks.Micro;

/// <summary>One data frame through a session, on a transport that costs nothing. All of it runs on one thread.</summary>
public class SessionBenchmarks
{
    private readonly InlineTransport _transport = new();
    private SpdySession _session = null!;
    private SpdyStream _stream = null!;
    private byte[] _frame = [];
    private byte[] _data = [];

    [Params(1024, 32 * 1024)]
    public int FrameSize { get; set; }

    [GlobalSetup]
    public async Task SetupAsync()
    {
        _session = new SpdySession(_transport);
        _stream = (await _session.OpenAsync([new StreamOpening([])], default))![0];
        SpinWait.SpinUntil(() => _transport.IsReading);
        _data = new byte[FrameSize];
        _frame = new byte[FrameHeader.Size + FrameSize];
        BinaryPrimitives.WriteUInt32BigEndian(_frame, _stream.Id);
        BinaryPrimitives.WriteInt32BigEndian(_frame.AsSpan(4), FrameSize);
    }

    [GlobalCleanup]
    public async Task CleanupAsync() => await _session.DisposeAsync();

    [Benchmark(Description = "receive a frame that was waited for")]
    public bool Receive()
    {
        _transport.Deliver(_frame);
        var isThere = _stream.Input.TryRead(out ReadResult result);
        _stream.Input.AdvanceTo(result.Buffer.End);
        return isThere;
    }

    [Benchmark(Description = "send a frame that the transport takes at once")]
    public bool Send()
    {
        _transport.HoldsWrites = false;
        var write = _stream.WriteAsync(_data);
        return write.IsCompletedSuccessfully && write.Result;
    }

    [Benchmark(Description = "send a frame that the transport lets wait")]
    public bool SendAndWait()
    {
        _transport.HoldsWrites = true;
        var write = _stream.WriteAsync(_data);
        _transport.FinishWrite();
        return write.IsCompletedSuccessfully && write.Result;
    }
}
