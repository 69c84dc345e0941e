using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace PortForward.Tests.Support;

/// <summary>A frame as it was on the wire.</summary>
internal sealed record WireFrame(bool IsControl, int Type, uint DataStreamId, byte Flags, byte[] Body)
{
    public const int SynStream = 1, SynReply = 2, RstStream = 3, Settings = 4, Ping = 6, GoAway = 7, Headers = 8, WindowUpdate = 9;

    public bool Fin => (Flags & 1) != 0;

    /// <summary>The stream that the frame is about.</summary>
    public uint StreamId => IsControl ? Word(0) : DataStreamId;

    public uint Word(int index) => BinaryPrimitives.ReadUInt32BigEndian(Body.AsSpan(index * 4));

    public override string ToString() => IsControl ? $"control {Type} flags {Flags} {Convert.ToHexString(Body)}" : $"data {DataStreamId} flags {Flags} ({Body.Length} bytes)";
}

/// <summary>The runtime's side of a session, which speaks raw frames exactly as a test tells it to. It shares no code with the product.</summary>
internal sealed class SpdyPeer(Stream transport) : IAsyncDisposable
{
    private readonly HeaderInflater _headers = new();
    private int _pingsRead;

    /// <summary>The worker of the peer that the last PING or pong went to: they take turns.</summary>
    public uint LastPingsWorker => (uint)(_pingsRead - 1) % 5;

    public static byte[] Control(int type, byte flags, params uint[] words)
    {
        byte[] frame = new byte[8 + (words.Length * 4)];
        BinaryPrimitives.WriteUInt32BigEndian(frame, 0x80030000u | (uint)type);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(4), (uint)flags << 24 | (uint)(words.Length * 4));
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(8 + (i * 4)), words[i]);
        }

        return frame;
    }

    public static byte[] Data(uint streamId, ReadOnlySpan<byte> bytes, bool fin = false)
    {
        byte[] frame = new byte[8 + bytes.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, streamId);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(4), (fin ? 0x0100_0000u : 0) | (uint)bytes.Length);
        bytes.CopyTo(frame.AsSpan(8));
        return frame;
    }

    public static byte[] Data(uint streamId, string text, bool fin = false) => Data(streamId, Encoding.UTF8.GetBytes(text), fin);

    public static byte[] Fin(uint streamId) => Data(streamId, [], fin: true);

    public static byte[] Rst(uint streamId, uint status) => Control(WireFrame.RstStream, 0, streamId, status);

    public static byte[] Ping(uint id) => Control(WireFrame.Ping, 0, id);

    public static byte[] GoAway(uint lastGood, uint status = 0) => Control(WireFrame.GoAway, 0, lastGood, status);

    /// <summary>A SYN_REPLY as runtimes send it, its header block unreadable without the preset dictionary.</summary>
    public static byte[] SynReply(uint streamId, bool fin = false) => Control(WireFrame.SynReply, fin ? (byte)1 : (byte)0, streamId, 0x78f9e3c6, 0xa7c20200, 0x0000ffff);

    public async Task SendAsync(params byte[][] frames)
    {
        foreach (byte[] frame in frames)
        {
            await transport.WriteAsync(frame).Soon();
        }
    }

    /// <summary>Reads one frame; null at the end of the transport.</summary>
    public async Task<WireFrame?> ReadAsync()
    {
        byte[] header = new byte[8];
        int got = await transport.ReadAtLeastAsync(header, 8, throwOnEndOfStream: false).Soon();
        if (got == 0)
        {
            return null;
        }

        got.Should().Be(8, "a transport should not end inside of a frame header");
        uint first = BinaryPrimitives.ReadUInt32BigEndian(header);
        uint second = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4));
        byte[] body = new byte[second & 0xffffff];
        await transport.ReadExactlyAsync(body).Soon();
        bool control = first >= 0x8000_0000;
        if (control)
        {
            (first >> 16).Should().Be(0x8003, "control frames are of version 3");
        }

        _pingsRead += control && (first & 0xffff) == WireFrame.Ping ? 1 : 0;
        return new WireFrame(control, control ? (int)(first & 0xffff) : 0, control ? 0 : first, (byte)(second >> 24), body);
    }

    public async Task<WireFrame> ReadFrameAsync() => await ReadAsync() ?? throw new EndOfStreamException("The session ended where a frame was expected.");

    /// <summary>Reads the next frame, which must be a control frame of a type.</summary>
    public async Task<WireFrame> ReadControlAsync(int type)
    {
        WireFrame frame = await ReadFrameAsync();
        frame.IsControl.Should().BeTrue("{0} was read where a control frame was expected", frame);
        frame.Type.Should().Be(type);
        return frame;
    }

    /// <summary>Reads the next frame, which must be data, and returns it.</summary>
    public async Task<WireFrame> ReadDataAsync(uint streamId)
    {
        WireFrame frame = await ReadFrameAsync();
        frame.IsControl.Should().BeFalse("{0} was read where data was expected", frame);
        frame.DataStreamId.Should().Be(streamId);
        return frame;
    }

    /// <summary>Reads the next frame, which must be a SYN_STREAM, and its headers.</summary>
    public async Task<(uint StreamId, bool Fin, Dictionary<string, string> Headers)> ReadSynStreamAsync()
    {
        WireFrame frame = await ReadControlAsync(WireFrame.SynStream);
        frame.Body[4..10].Should().AllBeEquivalentTo((byte)0, "there is no associated stream, priority or slot");
        return (frame.StreamId, frame.Fin, _headers.Read(frame.Body.AsSpan(10)));
    }

    public ValueTask DisposeAsync()
    {
        _headers.Dispose();
        return transport.DisposeAsync();
    }
}

/// <summary>Reads the header blocks of one session: blocks of one zlib stream, each of which must be readable as soon as it is there.</summary>
internal sealed class HeaderInflater : IDisposable
{
    private readonly MemoryStream _feed = new();
    private readonly ZLibStream _inflater;

    public HeaderInflater() => _inflater = new ZLibStream(_feed, CompressionMode.Decompress);

    public Dictionary<string, string> Read(ReadOnlySpan<byte> block)
    {
        byte[] plain = Inflate(block);
        int position = 0;
        var headers = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int count = Number(); count > 0; count--)
        {
            string name = Text();
            headers.Add(name, Text());
        }

        position.Should().Be(plain.Length, "a header block ends with its last header");
        return headers;

        int Number()
        {
            position += 4;
            return BinaryPrimitives.ReadInt32BigEndian(plain.AsSpan(position - 4));
        }

        string Text()
        {
            int length = Number();
            position += length;
            return Encoding.UTF8.GetString(plain, position - length, length);
        }
    }

    public void Dispose() => _inflater.Dispose();

    private byte[] Inflate(ReadOnlySpan<byte> block)
    {
        _feed.SetLength(0);
        _feed.Write(block);
        _feed.Position = 0;
        using var plain = new MemoryStream();
        byte[] buffer = new byte[8192];
        int read;
        while ((read = _inflater.Read(buffer)) > 0)
        {
            plain.Write(buffer, 0, read);
        }

        return plain.ToArray();
    }
}
