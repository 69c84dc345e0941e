using System.Buffers.Binary;
using System.Text;

namespace PortForward.Testing.Tests.PortForwarding;

/// <summary>A frame from the server.</summary>
internal sealed record ServerFrame(string Type, int StreamId, bool Fin, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);
}

/// <summary>A SPDY client made of bytes: header blocks are stored, without a dictionary.</summary>
internal sealed class SpdyClient(Stream stream)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly List<ServerFrame> _replies = [];
    private readonly Queue<ServerFrame> _others = new();
    private bool _headersStarted;

    public Task SendAsync(params byte[][] frames) => stream.WriteAsync(frames.SelectMany(frame => frame).ToArray()).AsTask().WaitAsync(Patience);

    /// <summary>Both SYN_STREAMs of a pair: the error stream with FIN, then the data stream.</summary>
    public byte[] Pair(int port, int errorId, int dataId) =>
    [
        .. SynStream(errorId, fin: true, ("streamtype", "error"), ("port", port.ToString()), ("requestid", errorId.ToString())),
        .. SynStream(dataId, fin: false, ("streamtype", "data"), ("port", port.ToString()), ("requestid", errorId.ToString())),
    ];

    public byte[] SynStream(int id, bool fin, params (string Name, string Value)[] headers)
    {
        var block = new List<byte>(Number(headers.Length));
        foreach (var (name, value) in headers)
            block.AddRange([.. Number(name.Length), .. Encoding.ASCII.GetBytes(name), .. Number(value.Length), .. Encoding.ASCII.GetBytes(value)]);
        byte[] stored =
        [
            .. _headersStarted ? Array.Empty<byte>() : [0x78, 0x01],
            0, (byte)block.Count, (byte)(block.Count >> 8), (byte)~block.Count, (byte)(~block.Count >> 8), .. block,
            0, 0, 0, 0xff, 0xff,
        ];
        _headersStarted = true;
        return SynStream(id, fin, stored);
    }

    public static byte[] SynStream(int id, bool fin, byte[] compressedHeaders) =>
        Control(1, fin ? 1 : 0, [.. Number(id), 0, 0, 0, 0, 0, 0, .. compressedHeaders]);

    public static byte[] Data(int id, ReadOnlySpan<byte> bytes, bool fin = false) =>
        [.. Number(id), (byte)(fin ? 1 : 0), .. Number(bytes.Length)[1..], .. bytes];

    public static byte[] Data(int id, string text, bool fin = false) => Data(id, Encoding.UTF8.GetBytes(text), fin);

    public static byte[] Ping(int id) => Control(6, 0, Number(id));

    public static byte[] Reset(int id) => Control(3, 0, [.. Number(id), .. Number(5)]);

    public static byte[] GoAway() => Control(7, 0, [.. Number(0), .. Number(0)]);

    /// <summary>The replies so far, in the order in which they came.</summary>
    public IReadOnlyList<ServerFrame> Replies => _replies;

    /// <summary>Reads on until each of the streams has its reply.</summary>
    public async Task<IReadOnlyList<ServerFrame>> ReadRepliesAsync(params int[] streamIds)
    {
        while (!streamIds.All(HasReply))
        {
            if (await ReadFrameAsync() is not { } frame)
                throw new EndOfStreamException($"The connection ended after the replies to: {string.Join(", ", _replies)}");
            if (frame.Type != "reply")
                _others.Enqueue(frame);
        }

        return _replies;
    }

    /// <summary>
    /// The next frame that is no reply, or null at the end of the connection. Replies go to <see cref="Replies"/>: each
    /// stream has a worker of its own, so that a reply may come before or after anything that belongs to another stream.
    /// </summary>
    public async Task<ServerFrame?> ReadAsync()
    {
        if (_others.TryDequeue(out var earlier))
            return earlier;

        var frame = await ReadFrameAsync();
        while (frame is { Type: "reply" })
            frame = await ReadFrameAsync();
        return frame;
    }

    /// <summary>Reads on until a frame that is no reply meets the condition; fails at the end of the connection.</summary>
    public async Task<List<ServerFrame>> ReadUntilAsync(Func<ServerFrame, bool> condition)
    {
        var frames = new List<ServerFrame>();
        while (frames.Count == 0 || !condition(frames[^1]))
            frames.Add(await ReadAsync() ?? throw new EndOfStreamException($"The connection ended after: {string.Join(", ", frames)}"));
        return frames;
    }

    private async Task<ServerFrame?> ReadFrameAsync()
    {
        var header = new byte[8];
        var read = await stream.ReadAtLeastAsync(header, 8, throwOnEndOfStream: false).AsTask().WaitAsync(Patience);
        if (read == 0)
            return null;
        read.Should().Be(8, "a frame's header is not cut in two");

        var body = new byte[(header[5] << 16) | (header[6] << 8) | header[7]];
        await stream.ReadExactlyAsync(body).AsTask().WaitAsync(Patience);
        var first = BinaryPrimitives.ReadUInt32BigEndian(header);
        if (first >> 31 == 0)
        {
            HasReply((int)first).Should().BeTrue("a peer drops data of a stream that has not been replied to");
            return new ServerFrame("data", (int)first, header[4] == 1, body);
        }

        (first >> 16).Should().Be(0x8003u, "the version is 3");
        var type = (first & 0xffff) switch { 2 => "reply", 3 => "reset", 6 => "ping", 7 => "goaway", var other => $"type {other}" };
        var frame = new ServerFrame(type, BinaryPrimitives.ReadInt32BigEndian(body), header[4] == 1, body);
        if (type == "reply")
            _replies.Add(frame);
        return frame;
    }

    private bool HasReply(int streamId) => _replies.Exists(reply => reply.StreamId == streamId);

    private static byte[] Control(int type, int flags, byte[] body) =>
        [0x80, 3, 0, (byte)type, (byte)flags, .. Number(body.Length)[1..], .. body];

    private static byte[] Number(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }
}
