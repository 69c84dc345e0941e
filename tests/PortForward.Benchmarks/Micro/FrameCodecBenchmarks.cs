using BenchmarkDotNet.Attributes;
using PortForward.Spdy;

namespace PortForward.Benchmarks.Micro;

/// <summary>Frames as functions over spans.</summary>
public class FrameCodecBenchmarks
{
    private static readonly KeyValuePair<string, string>[] Headers = [new("streamtype", "data"), new("port", "8080"), new("requestid", "17")];

    private readonly byte[] _buffer = new byte[ControlFrames.MaxSynStreamSize(Headers)];
    private readonly byte[] _data = new byte[FrameHeader.Size];
    private readonly byte[] _ping = new byte[ControlFrames.PingSize];
    private readonly HeaderBlockEncoder _encoder = new();

    [GlobalSetup]
    public void Setup()
    {
        FrameHeader.Data(5, FrameFlags.None, 32 * 1024).Write(_data);
        ControlFrames.WritePing(_ping, 7);
    }

    [Benchmark(Description = "read the header of a data frame")]
    public int ReadDataHeader() => FrameHeader.Read(_data).Length;

    [Benchmark(Description = "write the header of a data frame")]
    public void WriteDataHeader() => FrameHeader.Data(5, FrameFlags.None, 32 * 1024).Write(_buffer);

    [Benchmark(Description = "read a PING")]
    public uint ReadPing()
    {
        ControlFrames.RequireLength(FrameHeader.Read(_ping.AsSpan(0, FrameHeader.Size)));
        return ControlFrames.ReadPing(_ping.AsSpan(FrameHeader.Size));
    }

    [Benchmark(Description = "write a SYN_STREAM with its headers")]
    public int WriteSynStream() => ControlFrames.WriteSynStream(_buffer, 5, FrameFlags.None, Headers, _encoder);
}
