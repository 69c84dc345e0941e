using System.Buffers.Binary;

namespace PortForward.Testing.PortForwarding.Spdy;

internal enum SpdyFrameType
{
    Data = 0,
    SynStream = 1,
    SynReply = 2,
    RstStream = 3,
    Settings = 4,
    Ping = 6,
    GoAway = 7,
    Headers = 8,
    WindowUpdate = 9,
}

internal enum SpdyResetStatus
{
    ProtocolError = 1,
    InvalidStream = 2,
    RefusedStream = 3,
    Cancel = 5,
    InternalError = 6,
}

/// <summary>One frame as it came from the client.</summary>
/// <param name="Type">What the frame is.</param>
/// <param name="Flags">The flags as they came.</param>
/// <param name="StreamId">The stream the frame belongs to; the id of a PING; 0 for the others.</param>
/// <param name="Body">A data frame's bytes; a control frame's body after its 8-byte header.</param>
internal sealed record SpdyFrame(SpdyFrameType Type, byte Flags, int StreamId, byte[] Body)
{
    public const byte Fin = 1;
    public const byte Unidirectional = 2;
    public const int HeaderLength = 8;

    public bool IsFin => (Flags & Fin) != 0;

    /// <summary>Reads the next frame, or null when the client has closed the connection between two frames.</summary>
    /// <exception cref="SpdyProtocolException">The bytes are no frame.</exception>
    public static async ValueTask<SpdyFrame?> ReadAsync(Stream transport, CancellationToken cancellationToken)
    {
        var header = new byte[HeaderLength];
        var read = await transport.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, cancellationToken);
        if (read == 0)
            return null;
        if (read < header.Length)
            throw new SpdyProtocolException("The connection ended inside a frame's header.");

        var first = BinaryPrimitives.ReadUInt32BigEndian(header);
        var flags = header[4];
        var length = (header[5] << 16) | (header[6] << 8) | header[7];
        var body = new byte[length];
        if (await transport.ReadAtLeastAsync(body, length, throwOnEndOfStream: false, cancellationToken) < length)
            throw new SpdyProtocolException("The connection ended inside a frame.");

        return first >> 31 == 0
            ? new SpdyFrame(SpdyFrameType.Data, flags, (int)first, body)
            : ReadControl(first, flags, body);
    }

    public static byte[] Control(SpdyFrameType type, byte flags, ReadOnlySpan<byte> body)
    {
        var frame = new byte[HeaderLength + body.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, 0x80030000u | (uint)type);
        WriteFlagsAndLength(frame, flags, body.Length);
        body.CopyTo(frame.AsSpan(HeaderLength));
        return frame;
    }

    public static byte[] Numbers(SpdyFrameType type, params ReadOnlySpan<int> numbers)
    {
        var body = new byte[numbers.Length * 4];
        for (var i = 0; i < numbers.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(i * 4), numbers[i]);
        return Control(type, flags: 0, body);
    }

    public static byte[] DataHeader(int streamId, byte flags, int length)
    {
        var header = new byte[HeaderLength];
        BinaryPrimitives.WriteInt32BigEndian(header, streamId);
        WriteFlagsAndLength(header, flags, length);
        return header;
    }

    public int Number(int index) => BinaryPrimitives.ReadInt32BigEndian(Body.AsSpan(index * 4));

    private static SpdyFrame ReadControl(uint first, byte flags, byte[] body)
    {
        var version = (first >> 16) & 0x7fff;
        if (version != 3)
            throw new SpdyProtocolException($"A control frame has version {version} instead of 3.");

        var type = (SpdyFrameType)(first & 0xffff);
        var (least, most) = type switch
        {
            SpdyFrameType.SynStream => (10, int.MaxValue),
            SpdyFrameType.SynReply or SpdyFrameType.Headers => (4, int.MaxValue),
            SpdyFrameType.RstStream or SpdyFrameType.GoAway or SpdyFrameType.WindowUpdate => (8, 8),
            SpdyFrameType.Ping => (4, 4),
            SpdyFrameType.Settings => (4, int.MaxValue),
            _ => throw new SpdyProtocolException($"A control frame has the unknown type {(int)type}."),
        };
        if (body.Length < least || body.Length > most)
            throw new SpdyProtocolException($"A {type} frame has a body of {body.Length} bytes.");

        var frame = new SpdyFrame(type, flags, type is SpdyFrameType.Settings or SpdyFrameType.GoAway ? 0 : BinaryPrimitives.ReadInt32BigEndian(body), body);
        if (type is SpdyFrameType.Ping or SpdyFrameType.GoAway or SpdyFrameType.RstStream && flags != 0)
            throw new SpdyProtocolException($"A {type} frame has flags.");
        if (type is SpdyFrameType.RstStream && frame.Number(1) == 0)
            throw new SpdyProtocolException("A RST_STREAM frame has status 0.");
        if (type is not (SpdyFrameType.Settings or SpdyFrameType.GoAway or SpdyFrameType.WindowUpdate) && frame.StreamId <= 0)
            throw new SpdyProtocolException($"A {type} frame has the stream id {frame.StreamId}.");
        return frame;
    }

    private static void WriteFlagsAndLength(Span<byte> header, byte flags, int length)
    {
        header[4] = flags;
        header[5] = (byte)(length >> 16);
        header[6] = (byte)(length >> 8);
        header[7] = (byte)length;
    }
}
