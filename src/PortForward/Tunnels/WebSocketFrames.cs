using System.Buffers.Binary;

namespace PortForward.Tunnels;

/// <summary>Follows the frames in one direction of a WebSocket (RFC 6455, section 5.2) as its bytes go by.</summary>
/// <param name="onFrame">Called with the opcode and the length of the payload at the end of each frame's head.</param>
internal sealed class WebSocketFrames(Action<byte, ulong> onFrame)
{
    public const byte Ping = 0x9, Pong = 0xA;

    private const byte FirstControl = 0x8;
    private const int ShortestHead = 2;
    private const int LongestHead = 14;

    private readonly byte[] _head = new byte[LongestHead];
    private int _headLength;
    private ulong _payloadLeft;

    /// <summary>Whether an opcode is that of data: a text or binary message, or the continuation of one.</summary>
    public static bool IsData(byte opcode) => opcode < FirstControl;

    /// <summary>Takes note of bytes, which may end anywhere.</summary>
    public void Follow(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int taken = 1;
            if (_payloadLeft > 0)
            {
                taken = (int)Math.Min(_payloadLeft, (ulong)bytes.Length);
                _payloadLeft -= (ulong)taken;
            }
            else
            {
                _head[_headLength++] = bytes[0];
                if (_headLength >= ShortestHead && _headLength == ShortestHead + LengthSize() + MaskSize())
                {
                    _payloadLeft = PayloadLength();
                    _headLength = 0;
                    onFrame((byte)(_head[0] & 0xF), _payloadLeft);
                }
            }

            bytes = bytes[taken..];
        }
    }

    private int LengthSize() => (_head[1] & 0x7F) switch
    {
        126 => sizeof(ushort),
        127 => sizeof(ulong),
        _ => 0,
    };

    private int MaskSize() => (_head[1] & 0x80) == 0 ? 0 : sizeof(uint);

    private ulong PayloadLength() => LengthSize() switch
    {
        sizeof(ushort) => BinaryPrimitives.ReadUInt16BigEndian(_head.AsSpan(ShortestHead)),
        sizeof(ulong) => BinaryPrimitives.ReadUInt64BigEndian(_head.AsSpan(ShortestHead)),
        _ => (ulong)(_head[1] & 0x7F),
    };
}
