using System.Buffers.Binary;

namespace PortForward.Spdy;

/// <summary>
/// The eight bytes in front of every frame (SPDY/3.1 draft, section 2.2), read and written as pure functions over spans.
/// </summary>
internal readonly record struct FrameHeader
{
    /// <summary>The size of a frame header in bytes.</summary>
    public const int Size = 8;

    /// <summary>The largest payload that the 24-bit length can name, in bytes.</summary>
    public const int MaxLength = 0xFF_FFFF;

    private const ushort Version = 3;
    private const ushort ControlBit = 0x8000;

    private FrameHeader(bool isControl, FrameType type, uint streamId, FrameFlags flags, int length)
    {
        IsControl = isControl;
        Type = type;
        StreamId = streamId;
        Flags = flags;
        Length = length;
    }

    /// <summary>Whether this is a control frame; otherwise it is a data frame.</summary>
    public bool IsControl { get; }

    /// <summary>The type of a control frame; without meaning on a data frame.</summary>
    public FrameType Type { get; }

    /// <summary>The stream of a data frame; 0 on a control frame, whose stream id is in its body.</summary>
    public uint StreamId { get; }

    /// <summary>The flag bits as they are on the wire.</summary>
    public FrameFlags Flags { get; }

    /// <summary>The number of bytes that follow the header.</summary>
    public int Length { get; }

    /// <summary>Describes a data frame.</summary>
    public static FrameHeader Data(uint streamId, FrameFlags flags, int length) => new(isControl: false, default, streamId, flags, length);

    /// <summary>Describes a control frame.</summary>
    public static FrameHeader Control(FrameType type, FrameFlags flags, int length) => new(isControl: true, type, 0, flags, length);

    /// <summary>Reads a header from exactly its <see cref="Size"/> bytes.</summary>
    /// <exception cref="SpdyProtocolException">A control frame of another version than 3, or a data frame for stream 0.</exception>
    public static FrameHeader Read(ReadOnlySpan<byte> source)
    {
        uint first = BinaryPrimitives.ReadUInt32BigEndian(source);
        uint second = BinaryPrimitives.ReadUInt32BigEndian(source[4..]);
        var flags = (FrameFlags)(second >> 24);
        int length = (int)(second & MaxLength);

        if ((first >> 16 & ControlBit) == 0)
        {
            return first != 0
                ? Data(first, flags, length)
                : throw new SpdyProtocolException("the peer sent a data frame for stream 0, which no stream may have (SPDY/3.1, 2.3.2)");
        }

        ushort version = (ushort)(first >> 16 & ~ControlBit);
        return version == Version
            ? Control((FrameType)(ushort)first, flags, length)
            : throw new SpdyProtocolException($"the peer sent a control frame of version {version}, not {Version}: it does not speak SPDY/3.1 (2.2.1)");
    }

    /// <summary>Writes the header into the first <see cref="Size"/> bytes of <paramref name="destination"/>.</summary>
    public void Write(Span<byte> destination)
    {
        uint first = IsControl ? (uint)(ControlBit | Version) << 16 | (ushort)Type : StreamId;
        BinaryPrimitives.WriteUInt32BigEndian(destination, first);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], (uint)Flags << 24 | (uint)Length);
    }
}
