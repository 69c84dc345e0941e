using PortForward.Fuzzing.Engine;
using PortForward.Fuzzing.Support;
using PortForward.WebSockets;

namespace PortForward.Fuzzing.Targets;

/// <summary>The frames of a WebSocket: however they are cut, the same bytes come out of them, and they end in the same way.</summary>
internal sealed class WebSocketFramesTarget : FuzzTarget
{
    public override int Mutations => 5000;

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[]
        {
            "82 03 \"abc\"", // a binary message
            "02 02 \"ab\" 80 01 \"c\"", // one in two frames
            "82 7e 0080", "82 7f 0000000000000080", "82 7f ffffffffffffffff", // longer ones, which do not follow
            "89 02 \"hi\"", "89 00", "8a 00", // PING and PONG
            "88 00", "88 02 03e8", "88 07 03f1 \"\" 1b5b324a 07", "88 01 03", // closes
            "81 02 \"hi\"", // a text message
            "80 00", "00 00", "c2 00", "83 00", "8b 00", "82 83 00000000", "09 00", "89 7e 0080",
        }.Select(InputFile.Parse),
    ];

    public override async Task RunAsync(FuzzInput input)
    {
        Random random = input.NewRandom();
        (byte[] whole, string? fault, int messages) = Decode(input.Bytes, null);
        (byte[] cut, string? faultWhenCut, int messagesWhenCut) = Decode(input.Bytes, random);
        Require.Same(Convert.ToHexString(whole), Convert.ToHexString(cut), "the same bytes are in the messages however they are cut");
        Require.Same(fault, faultWhenCut, "a WebSocket ends in the same way however it is cut");
        Require.Same(messages, messagesWhenCut, "there are as many messages however they are cut");

        (byte[] read, string? broken) = await ReadAsync(input.Bytes, random);
        Require.Same(Convert.ToHexString(whole), Convert.ToHexString(read), "a stream gives the bytes that are in the messages");
        Require.That(fault is null || broken == fault, "a stream fails as its frames do", $"{broken} instead of {fault}");
        if (broken is not null)
        {
            Require.Line(broken);
        }
    }

    private static (byte[] Bytes, string? Fault, int Messages) Decode(byte[] bytes, Random? random)
    {
        var decoder = new WebSocketDecoder("tunnel");
        int messages = 0;
        using var decoded = new MemoryStream();
        for (int at = 0; at < bytes.Length;)
        {
            Span<byte> piece = bytes.ToArray().AsSpan(at, random?.Next(1, Math.Min(40, bytes.Length - at) + 1) ?? bytes.Length);
            at += piece.Length;
            while (!piece.IsEmpty && !decoder.HasEnded)
            {
                WebSocketPart part = decoder.DecodePart(piece, out int consumed);
                decoded.Write(piece[..part.Length]);
                messages += part.EndsMessage ? 1 : 0;
                piece = piece[consumed..];
                Require.That(decoder.TakePing() is null or { Length: <= 125 }, "a PING carries no more than it may");
            }
        }

        return (decoded.ToArray(), decoder.Fault?.Message, messages);
    }

    private static async Task<(byte[] Bytes, string? Fault)> ReadAsync(byte[] bytes, Random random)
    {
        await using var stream = new WebSocketByteStream(new ScriptedStream(bytes, random));
        using var read = new MemoryStream();
        byte[] buffer = new byte[random.Next(1, 64)];
        try
        {
            int count;
            while ((count = await stream.ReadAsync(buffer.AsMemory())) > 0)
            {
                read.Write(buffer, 0, count);
            }

            return (read.ToArray(), null);
        }
        catch (IOException e)
        {
            return (read.ToArray(), e.Message);
        }
    }
}
