using PortForward.Fuzzing.Engine;
using PortForward.Fuzzing.Support;
using PortForward.Tunnels;

namespace PortForward.Fuzzing.Targets;

/// <summary>A connection in channels. The input is a row of messages, each behind its length in a byte; 255 leaves its message unfinished.</summary>
internal sealed class ChannelMessagesTarget : FuzzTarget
{
    private const int Port = 80;

    public override int Mutations => 1000;

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[]
        {
            "03 00 5000", "03 01 5000", // port 80 on both channels
            "02 00 50", "01 00", "02 01 00", // in pieces
            "03 00 5100", // another port
            "04 00 \"abc\"", "06 01 \"error\"", "04 02 \"abc\"", "00",
        }.Select(InputFile.Parse),
    ];

    public override async Task RunAsync(FuzzInput input)
    {
        Random random = input.NewRandom();
        StreamEnding ending = random.Next(3) == 0 ? StreamEnding.Cut : StreamEnding.Closed;
        using var invoker = new HttpMessageInvoker(new UpgradeHandler(() => new ScriptedStream(Frames(input.Bytes), random, ending)));
        var dialer = new ChannelTunnelDialer(invoker, new Uri("http://cluster.test/api/v1/namespaces/default/pods/web/portforward"));
        Attempt<ITunnel> dial = await dialer.DialAsync(CancellationToken.None);
        await using ITunnel tunnel = dial.Value!;

        Attempt<ITunnelPair> opened = await tunnel.OpenPairAsync(Port, "hello"u8.ToArray(), CancellationToken.None);
        if (opened.Value is not { } pair)
        {
            Require.Line(opened.Fault!.Message);
            return;
        }

        await pair.Input.ReadToEndAsync();
        PairEnd end = await pair.Completion;
        Require.That(end.Message is null or { Length: <= 8 * 1024 }, "an error message is bounded", $"{end.Message?.Length} characters");
        await pair.WriteAsync("more"u8.ToArray(), CancellationToken.None);
        await pair.DisposeAsync();
        await tunnel.Completion;
    }

    /// <summary>The messages in frames of a WebSocket.</summary>
    private static byte[] Frames(ReadOnlySpan<byte> messages)
    {
        var frames = new List<byte>();
        bool isInside = false;
        while (!messages.IsEmpty)
        {
            bool isFinal = messages[0] != 255;
            int length = Math.Min(isFinal ? Math.Min((int)messages[0], 125) : 3, messages.Length - 1);
            frames.Add((byte)((isFinal ? 0x80 : 0) | (isInside ? 0 : 2)));
            frames.Add((byte)length);
            frames.AddRange(messages.Slice(1, length));
            messages = messages[(1 + length)..];
            isInside = !isFinal;
        }

        return [.. frames];
    }
}
