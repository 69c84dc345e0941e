using System.Buffers;
using PortForward.Fuzzing.Engine;
using PortForward.Fuzzing.Support;
using PortForward.Spdy;

namespace PortForward.Fuzzing.Targets;

/// <summary>A SPDY session as client: however what the server sends is cut, the streams get the same bytes and end in the same way.</summary>
internal sealed class SpdySessionTarget : FuzzTarget
{
    private const int StreamCount = 3;

    private static readonly KeyValuePair<string, string>[] NoHeaders = [];

    public override IReadOnlyList<byte[]> Dictionary => SpdyFrames.All;

    public override async Task RunAsync(FuzzInput input)
    {
        Random random = input.NewRandom();
        string whole = await ReadAsync(input.Bytes, null, 64 * 1024);
        string cut = await ReadAsync(input.Bytes, random, random.Next(8, 300));

        Require.Same(whole, cut, "the same bytes are read in the same way however they are cut");
    }

    /// <summary>Opens streams, lets the server send, and says how they and the session have ended.</summary>
    private static async Task<string> ReadAsync(byte[] bytes, Random? random, int bufferSize)
    {
        var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var transport = new ScriptedStream(bytes, random, start: start.Task);
        await using var session = new SpdySession(transport, new SpdySessionOptions { ReceiveBufferSize = bufferSize });
        SpdyStream[]? streams = await session.OpenAsync([.. Enumerable.Repeat(new StreamOpening(NoHeaders), StreamCount)], default);
        start.SetResult();

        var outcome = new List<string>();
        foreach (SpdyStream stream in streams!)
        {
            ReadOnlySequence<byte> data = (await stream.Input.ReadToEndAsync()).Buffer;
            outcome.Add($"{stream.Id} {await stream.Completion}: {Convert.ToHexString(data.ToArray())}");
        }

        await session.Completion;
        Require.That(
            session.Fault is null or SpdyProtocolException or IOException, "a session ends gracefully, or by the peer's fault or the transport's", $"{session.Fault}");
        if (session.Fault is { } fault)
        {
            Require.Line(fault.Message);
        }

        return $"{string.Join('\n', outcome)}\n{session.Fault?.Message}";
    }
}
