using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace PortForward.Testing.PortForwarding.Spdy;

/// <summary>
/// Reads the client's header blocks: one zlib stream for the whole session, with or without the preset dictionary.
/// </summary>
internal sealed class SpdyHeaderReader : IDisposable
{
    private readonly Feed _feed = new();
    private readonly DeflateStream _inflater;
    private bool _started;

    public SpdyHeaderReader() => _inflater = new DeflateStream(_feed, CompressionMode.Decompress);

    /// <summary>Inflates and parses the next block.</summary>
    /// <exception cref="SpdyProtocolException">The block is not what SPDY/3.1, section 2.6.10, asks for.</exception>
    public Dictionary<string, string> Read(ReadOnlySpan<byte> compressed)
    {
        if (!_started)
        {
            compressed = ReadZlibHeader(compressed);
            _started = true;
        }

        _feed.Append(compressed);
        return Parse(Inflate());
    }

    public void Dispose() => _inflater.Dispose();

    private ReadOnlySpan<byte> ReadZlibHeader(ReadOnlySpan<byte> compressed)
    {
        if (compressed.Length < 2 || (compressed[0] & 0x0f) != 8 || BinaryPrimitives.ReadUInt16BigEndian(compressed) % 31 != 0)
            throw new SpdyProtocolException("The first header block does not begin with a zlib header.");

        var hasDictionary = (compressed[1] & 0x20) != 0;
        if (!hasDictionary)
            return compressed[2..];

        if (compressed.Length < 6 || BinaryPrimitives.ReadUInt32BigEndian(compressed[2..]) != SpdyDictionary.Identity)
            throw new SpdyProtocolException("The header blocks are compressed with another dictionary than SPDY/3's.");

        // A raw deflate stream has no preset dictionary, but a stored block puts the same bytes into its window.
        var dictionary = SpdyDictionary.Bytes;
        Span<byte> block = stackalloc byte[5];
        BinaryPrimitives.WriteUInt16LittleEndian(block[1..], (ushort)dictionary.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(block[3..], (ushort)~dictionary.Length);
        _feed.Append(block);
        _feed.Append(dictionary);
        _inflater.ReadExactly(new byte[dictionary.Length]);
        return compressed[6..];
    }

    private byte[] Inflate()
    {
        using var plain = new MemoryStream();
        var buffer = new byte[4096];
        try
        {
            while (_inflater.Read(buffer) is var read and > 0)
                plain.Write(buffer, 0, read);
        }
        catch (InvalidDataException broken)
        {
            throw new SpdyProtocolException("A header block cannot be inflated.", broken);
        }

        return plain.ToArray();
    }

    private static Dictionary<string, string> Parse(ReadOnlySpan<byte> block)
    {
        var headers = new Dictionary<string, string>(StringComparer.Ordinal);
        var count = ReadLength(ref block);
        for (var i = 0; i < count; i++)
        {
            var name = ReadText(ref block);
            var value = ReadText(ref block);
            if (name.Length == 0 || name.Any(char.IsAsciiLetterUpper))
                throw new SpdyProtocolException($"The header name \"{name}\" is empty or not in lower case.");
            if (!headers.TryAdd(name, value))
                throw new SpdyProtocolException($"The header \"{name}\" occurs twice in one block.");
        }

        if (!block.IsEmpty)
            throw new SpdyProtocolException("A header block goes on after its last header.");
        return headers;
    }

    private static int ReadLength(ref ReadOnlySpan<byte> block)
    {
        if (block.Length < 4)
            throw new SpdyProtocolException("A header block ends early, or it was not flushed.");
        var length = BinaryPrimitives.ReadInt32BigEndian(block);
        block = block[4..];
        return length;
    }

    private static string ReadText(ref ReadOnlySpan<byte> block)
    {
        var length = ReadLength(ref block);
        if (length < 0 || length > block.Length)
            throw new SpdyProtocolException("A header's length leads beyond its block.");
        var text = Encoding.UTF8.GetString(block[..length]);
        block = block[length..];
        return text;
    }

    /// <summary>The inflater's source: what has arrived so far, then "nothing now", which is not an end.</summary>
    private sealed class Feed : Stream
    {
        private readonly Queue<byte[]> _parts = new();
        private int _offset;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public void Append(ReadOnlySpan<byte> bytes)
        {
            if (!bytes.IsEmpty)
                _parts.Enqueue(bytes.ToArray());
        }

        public override int Read(Span<byte> buffer)
        {
            if (!_parts.TryPeek(out var part))
                return 0;
            var count = Math.Min(buffer.Length, part.Length - _offset);
            part.AsSpan(_offset, count).CopyTo(buffer);
            _offset += count;
            if (_offset == part.Length)
            {
                _parts.Dequeue();
                _offset = 0;
            }

            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

/// <summary>
/// Writes the server's header blocks, all of them empty: a zlib stream that names the preset dictionary but refers to
/// nothing in it, made of stored blocks, each followed by a sync flush.
/// </summary>
internal sealed class SpdyHeaderWriter
{
    private static readonly byte[] ZlibHeader = [0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2];

    private static readonly byte[] EmptyBlock = [0x00, 0x04, 0x00, 0xfb, 0xff, 0, 0, 0, 0, 0x00, 0x00, 0x00, 0xff, 0xff];

    private bool _started;

    public byte[] WriteEmpty()
    {
        if (_started)
            return EmptyBlock;
        _started = true;
        return [.. ZlibHeader, .. EmptyBlock];
    }
}
