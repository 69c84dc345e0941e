using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PortForward.WebSockets;

/// <summary>The four bytes with which a client masks what it sends (RFC 6455, section 5.3).</summary>
/// <param name="Bits">The bytes as they lie in memory.</param>
internal readonly record struct WebSocketMask(uint Bits)
{
    /// <summary>How many bytes it has.</summary>
    public const int Size = sizeof(uint);

    /// <summary>Writes the mask itself.</summary>
    public void Write(Span<byte> destination) => MemoryMarshal.Write(destination, Bits);

    /// <summary>Copies bytes and masks them on the way: one pass over them instead of two.</summary>
    /// <param name="source">What to mask, from the first byte of a frame's payload on.</param>
    /// <param name="destination">At least as long.</param>
    public void Copy(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        Vector128<byte> mask = Vector128.Create(Bits).AsByte();
        ReadOnlySpan<Vector128<byte>> from = MemoryMarshal.Cast<byte, Vector128<byte>>(source);
        Span<Vector128<byte>> to = MemoryMarshal.Cast<byte, Vector128<byte>>(destination[..source.Length]);
        for (int i = 0; i < to.Length; i++)
        {
            to[i] = from[i] ^ mask;
        }

        for (int i = to.Length * Vector128<byte>.Count; i < source.Length; i++)
        {
            destination[i] = (byte)(source[i] ^ mask[i % Size]);
        }
    }
}
