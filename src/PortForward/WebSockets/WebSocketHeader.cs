using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace PortForward.WebSockets;

/// <summary>The bytes in front of every WebSocket frame (RFC 6455, section 5.2), read as a server sends them and written as a client does.</summary>
/// <param name="Opcode">What the frame is.</param>
/// <param name="IsFinal">Whether it is the last one of its message.</param>
/// <param name="Length">The number of bytes that follow the header.</param>
internal readonly record struct WebSocketHeader(WebSocketOpcode Opcode, bool IsFinal, long Length)
{
    /// <summary>The most bytes that a server's header has, which has no mask.</summary>
    public const int MaxReadSize = 10;

    /// <summary>The most bytes that a client's header has.</summary>
    public const int MaxWrittenSize = MaxReadSize + WebSocketMask.Size;

    /// <summary>The most bytes that a control frame may carry (5.5).</summary>
    public const int MaxControlLength = 125;

    private const byte FinalBit = 0x80;
    private const byte ReservedBits = 0x70;
    private const byte OpcodeBits = 0x0F;
    private const byte MaskBit = 0x80;
    private const byte LengthBits = 0x7F;
    private const byte LengthIn16Bits = 126;
    private const byte LengthIn64Bits = 127;

    /// <summary>Whether it may come between the frames of a message.</summary>
    public bool IsControl => Opcode >= WebSocketOpcode.Close;

    /// <summary>Reads a header from the beginning of <paramref name="source"/>.</summary>
    /// <param name="source">What has come so far.</param>
    /// <param name="header">The header.</param>
    /// <param name="size">How many bytes it has.</param>
    /// <returns>False if it is not there in full yet.</returns>
    /// <exception cref="WebSocketProtocolException">No server that speaks the protocol sends such a header.</exception>
    public static bool TryRead(ReadOnlySpan<byte> source, out WebSocketHeader header, out int size)
    {
        header = default;
        size = 2;
        if (source.Length < size)
        {
            return false;
        }

        var opcode = (WebSocketOpcode)(source[0] & OpcodeBits);
        long length = source[1] & LengthBits;
        Require((source[0] & ReservedBits) == 0, "with reserved bits set, though no extension was agreed on (RFC 6455, 5.2)");
        Require(opcode is <= WebSocketOpcode.Binary or (>= WebSocketOpcode.Close and <= WebSocketOpcode.Pong), $"of the unknown kind {(byte)opcode} (RFC 6455, 5.2)");
        Require((source[1] & MaskBit) == 0, "with a mask, which only clients set (RFC 6455, 5.1)");
        bool isFinal = (source[0] & FinalBit) != 0;
        if (opcode >= WebSocketOpcode.Close)
        {
            Require(isFinal, "of control that is not the whole message (RFC 6455, 5.5)");
            Require(length <= MaxControlLength, $"of control with more than {MaxControlLength} bytes (RFC 6455, 5.5)");
        }

        if (length >= LengthIn16Bits)
        {
            int extra = length == LengthIn16Bits ? sizeof(ushort) : sizeof(long);
            size += extra;
            if (source.Length < size)
            {
                return false;
            }

            length = extra == sizeof(ushort) ? BinaryPrimitives.ReadUInt16BigEndian(source[2..]) : BinaryPrimitives.ReadInt64BigEndian(source[2..]);
            Require(length >= 0, "whose length has more than 63 bits (RFC 6455, 5.2)");
        }

        header = new WebSocketHeader(opcode, isFinal, length);
        return true;
    }

    /// <summary>Writes the header of a client, whose mask is part of it.</summary>
    /// <param name="destination">At least <see cref="MaxWrittenSize"/> bytes.</param>
    /// <param name="mask">What the bytes behind it are masked with.</param>
    /// <returns>How many bytes it has.</returns>
    public int Write(Span<byte> destination, WebSocketMask mask)
    {
        destination[0] = (byte)((IsFinal ? FinalBit : 0) | (byte)Opcode);
        int size = 2;
        switch (Length)
        {
            case < LengthIn16Bits:
                destination[1] = (byte)(MaskBit | (byte)Length);
                break;
            case <= ushort.MaxValue:
                destination[1] = MaskBit | LengthIn16Bits;
                BinaryPrimitives.WriteUInt16BigEndian(destination[size..], (ushort)Length);
                size += sizeof(ushort);
                break;
            default:
                destination[1] = MaskBit | LengthIn64Bits;
                BinaryPrimitives.WriteInt64BigEndian(destination[size..], Length);
                size += sizeof(long);
                break;
        }

        mask.Write(destination[size..]);
        return size + WebSocketMask.Size;
    }

    private static void Require([DoesNotReturnIf(false)] bool condition, string broken)
    {
        if (!condition)
        {
            throw new WebSocketProtocolException($"the server sent a WebSocket frame {broken}");
        }
    }
}
