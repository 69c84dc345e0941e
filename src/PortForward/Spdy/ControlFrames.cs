using System.Buffers.Binary;

namespace PortForward.Spdy;

/// <summary>
/// The control frames that a port-forward client exchanges, written and read as pure functions over spans.
/// Every Write method returns the number of bytes written; every Read method takes the start of a body whose length
/// <see cref="RequireLength"/> has checked.
/// </summary>
internal static class ControlFrames
{
    /// <summary>The size of a whole RST_STREAM frame in bytes.</summary>
    public const int RstStreamSize = FrameHeader.Size + 8;

    /// <summary>The size of a whole PING frame in bytes.</summary>
    public const int PingSize = FrameHeader.Size + 4;

    /// <summary>The bytes of a SYN_STREAM between the frame header and the header block.</summary>
    private const int SynStreamFields = 10;

    private const uint StreamIdMask = 0x7FFF_FFFF;

    /// <summary>The room that a SYN_STREAM with these headers needs at the most, in bytes.</summary>
    /// <exception cref="ArgumentException">The headers need more than 4 KiB.</exception>
    public static int MaxSynStreamSize(IReadOnlyList<KeyValuePair<string, string>> headers) =>
        FrameHeader.Size + SynStreamFields + HeaderBlockEncoder.MaxSize(headers);

    /// <summary>Writes a SYN_STREAM of priority 0 without associated stream (section 2.6.1).</summary>
    public static int WriteSynStream(
        Span<byte> destination,
        uint streamId,
        FrameFlags flags,
        IReadOnlyList<KeyValuePair<string, string>> headers,
        HeaderBlockEncoder encoder)
    {
        Span<byte> body = destination[FrameHeader.Size..];
        BinaryPrimitives.WriteUInt32BigEndian(body, streamId);
        body[4..SynStreamFields].Clear();
        int length = SynStreamFields + encoder.Encode(headers, body[SynStreamFields..]);
        FrameHeader.Control(FrameType.SynStream, flags, length).Write(destination);
        return FrameHeader.Size + length;
    }

    /// <summary>Writes a RST_STREAM (section 2.6.3).</summary>
    public static int WriteRstStream(Span<byte> destination, uint streamId, ResetStatus status)
    {
        FrameHeader.Control(FrameType.RstStream, FrameFlags.None, 8).Write(destination);
        BinaryPrimitives.WriteUInt32BigEndian(destination[FrameHeader.Size..], streamId);
        BinaryPrimitives.WriteUInt32BigEndian(destination[(FrameHeader.Size + 4)..], (uint)status);
        return RstStreamSize;
    }

    /// <summary>Writes a PING (section 2.6.5).</summary>
    public static int WritePing(Span<byte> destination, uint id)
    {
        FrameHeader.Control(FrameType.Ping, FrameFlags.None, 4).Write(destination);
        BinaryPrimitives.WriteUInt32BigEndian(destination[FrameHeader.Size..], id);
        return PingSize;
    }

    /// <summary>Checks the length that a control frame announces against what its type allows.</summary>
    /// <exception cref="SpdyProtocolException">It is too short or too long.</exception>
    public static void RequireLength(FrameHeader header)
    {
        (int least, int most, string section) = header.Type switch
        {
            FrameType.SynStream => (SynStreamFields, FrameHeader.MaxLength, "2.6.1"),
            FrameType.SynReply => (4, FrameHeader.MaxLength, "2.6.2"),
            FrameType.RstStream => (8, 8, "2.6.3"),
            FrameType.Ping => (4, 4, "2.6.5"),
            FrameType.GoAway => (8, 8, "2.6.6"),
            FrameType.Headers => (4, FrameHeader.MaxLength, "2.6.7"),
            _ => (0, FrameHeader.MaxLength, "2.2.1"),
        };
        if (header.Length < least || header.Length > most)
        {
            string rule = least == most ? $"{least}" : $"at least {least}";
            throw new SpdyProtocolException(
                $"the peer sent a {Name(header.Type)} of {header.Length} bytes where {rule} are required (SPDY/3.1, {section})");
        }
    }

    /// <summary>Reads the body of a RST_STREAM.</summary>
    /// <exception cref="SpdyProtocolException">The status is 0.</exception>
    public static (uint StreamId, ResetStatus Status) ReadRstStream(ReadOnlySpan<byte> body)
    {
        uint status = BinaryPrimitives.ReadUInt32BigEndian(body[4..]);
        return status != 0
            ? (ReadStreamId(body), (ResetStatus)status)
            : throw new SpdyProtocolException("the peer sent a RST_STREAM with status 0, which is illegal (SPDY/3.1, 2.6.3)");
    }

    /// <summary>Reads the body of a PING.</summary>
    public static uint ReadPing(ReadOnlySpan<byte> body) => BinaryPrimitives.ReadUInt32BigEndian(body);

    /// <summary>Reads the body of a GOAWAY.</summary>
    public static (uint LastGoodStreamId, uint Status) ReadGoAway(ReadOnlySpan<byte> body) =>
        (ReadStreamId(body), BinaryPrimitives.ReadUInt32BigEndian(body[4..]));

    /// <summary>Reads the stream id at the start of a SYN_STREAM, SYN_REPLY or HEADERS; the header block behind it is left unread.</summary>
    public static uint ReadStreamId(ReadOnlySpan<byte> body) => BinaryPrimitives.ReadUInt32BigEndian(body) & StreamIdMask;

    /// <summary>The name of a frame type as the specification spells it.</summary>
    public static string Name(FrameType type) => type switch
    {
        FrameType.SynStream => "SYN_STREAM",
        FrameType.SynReply => "SYN_REPLY",
        FrameType.RstStream => "RST_STREAM",
        FrameType.Settings => "SETTINGS",
        FrameType.Ping => "PING",
        FrameType.GoAway => "GOAWAY",
        FrameType.Headers => "HEADERS",
        FrameType.WindowUpdate => "WINDOW_UPDATE",
        _ => $"control frame of type {(ushort)type}",
    };
}
