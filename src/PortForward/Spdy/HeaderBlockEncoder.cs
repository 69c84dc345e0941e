using System.Buffers.Binary;
using System.Text;

namespace PortForward.Spdy;

/// <summary>
/// Writes the header blocks of one session (SPDY/3.1 draft, section 2.6.10). All blocks of a direction are one zlib stream, so one
/// encoder serves one session and its calls must be in the order of the frames on the wire.
/// </summary>
/// <remarks>
/// The blocks are stored, not compressed, without the preset dictionary. Runtimes accept that, and three short headers are not worth a compressor per session.
/// Every block ends with an empty stored block (a sync flush); without it the peer's inflater waits for more and then fails for good.
/// </remarks>
internal sealed class HeaderBlockEncoder
{
    private const int StoredBlockHeader = 5;

    /// <summary>The most bytes of a block on the wire; peers do not accept larger ones.</summary>
    private const int MaxBlock = 4096;

    // CMF and FLG of RFC 1950: deflate, 32 KiB window, no FDICT.
    private static ReadOnlySpan<byte> ZlibHeader => [0x78, 0x01];

    private static ReadOnlySpan<byte> SyncFlush => [0x00, 0x00, 0x00, 0xFF, 0xFF];

    private bool _started;

    /// <summary>
    /// How much room a block with these headers needs at most, in bytes. Called before a frame is composed, so that headers which cannot be sent are refused
    /// while nothing of them is on the wire.
    /// </summary>
    /// <exception cref="ArgumentException">The headers need more than 4 KiB, which peers do not accept.</exception>
    public static int MaxSize(IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        int size = ZlibHeader.Length + StoredBlockHeader + 4 + SyncFlush.Length;
        for (int i = 0; i < headers.Count; i++)
        {
            size += 8 + Encoding.UTF8.GetByteCount(headers[i].Key) + Encoding.UTF8.GetByteCount(headers[i].Value);
        }

        return size <= MaxBlock
            ? size
            : throw new ArgumentException($"The headers need {size} bytes; a header block may have {MaxBlock} at the most.", nameof(headers));
    }

    /// <summary>Writes one block and returns the number of bytes written, at most <see cref="MaxSize"/>.</summary>
    public int Encode(IReadOnlyList<KeyValuePair<string, string>> headers, Span<byte> destination)
    {
        int position = 0;
        if (!_started)
        {
            ZlibHeader.CopyTo(destination);
            position = ZlibHeader.Length;
        }

        Span<byte> block = destination[(position + StoredBlockHeader)..];
        int length = WritePairs(headers, block);

        // RFC 1951, 3.2.4: BFINAL=0 BTYPE=00, then LEN and its complement in little-endian order.
        destination[position] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[(position + 1)..], (ushort)length);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[(position + 3)..], (ushort)~length);
        position += StoredBlockHeader + length;
        SyncFlush.CopyTo(destination[position..]);
        _started = true;
        return position + SyncFlush.Length;
    }

    private static int WritePairs(IReadOnlyList<KeyValuePair<string, string>> headers, Span<byte> destination)
    {
        BinaryPrimitives.WriteInt32BigEndian(destination, headers.Count);
        int position = 4;
        for (int i = 0; i < headers.Count; i++)
        {
            position += WriteString(headers[i].Key, destination[position..]);
            position += WriteString(headers[i].Value, destination[position..]);
        }

        return position;
    }

    private static int WriteString(string value, Span<byte> destination)
    {
        int length = Encoding.UTF8.GetBytes(value, destination[4..]);
        BinaryPrimitives.WriteInt32BigEndian(destination, length);
        return 4 + length;
    }
}
