using System.Buffers;

namespace PortForward.Spdy;

/// <summary>A session's view of its transport: takes bytes in the sizes that frames ask for, from one buffer of fixed size.</summary>
internal sealed class TransportReader
{
    private readonly Stream _transport;
    private readonly byte[] _buffer;
    private int _start;
    private int _end;
    private long _received;
    private volatile bool _isWaiting;

    /// <summary>Starts to read.</summary>
    /// <param name="transport">What is read; it stays the caller's.</param>
    /// <param name="bufferSize">How much is read at once, in bytes; a single <see cref="FillAsync"/> can ask for no more.</param>
    public TransportReader(Stream transport, int bufferSize)
    {
        _transport = transport;
        _buffer = ArrayPool<byte>.Shared.Rent(bufferSize);
    }

    /// <summary>How many bytes the transport has given so far.</summary>
    public long Received => Interlocked.Read(ref _received);

    /// <summary>Whether the reader waits for the transport at this moment, and not for whoever takes its bytes.</summary>
    public bool IsWaiting => _isWaiting;

    private int Buffered => _end - _start;

    /// <summary>Waits until <paramref name="count"/> bytes are there. False when the transport ended before the first of them.</summary>
    /// <exception cref="EndOfStreamException">The transport ended after some of them.</exception>
    public async ValueTask<bool> FillAsync(int count)
    {
        if (Buffered < count && _start > 0)
        {
            _buffer.AsSpan(_start, Buffered).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        while (Buffered < count)
        {
            _isWaiting = true;
            int read = await _transport.ReadAsync(_buffer.AsMemory(_end), CancellationToken.None).ConfigureAwait(false);
            _isWaiting = false;
            if (read == 0)
            {
                return Buffered == 0 ? false : throw EndInsideFrame();
            }

            Interlocked.Add(ref _received, read);
            _end += read;
        }

        return true;
    }

    /// <summary>Like <see cref="FillAsync"/>, where an end of the transport is always an error.</summary>
    /// <exception cref="EndOfStreamException">The transport ended.</exception>
    public async ValueTask FillInsideFrameAsync(int count)
    {
        if (count > 0 && !await FillAsync(count).ConfigureAwait(false))
        {
            throw EndInsideFrame();
        }
    }

    /// <summary>Takes bytes that a fill has made sure of. They are valid until the next call.</summary>
    public ReadOnlyMemory<byte> Take(int count)
    {
        ReadOnlyMemory<byte> taken = _buffer.AsMemory(_start, count);
        _start += count;
        return taken;
    }

    /// <summary>Takes what is there, at least 1 and at most <paramref name="most"/> bytes; waits for some if there are none.</summary>
    /// <exception cref="EndOfStreamException">The transport ended.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> TakeSomeAsync(int most)
    {
        await FillInsideFrameAsync(1).ConfigureAwait(false);
        return Take(Math.Min(most, Buffered));
    }

    /// <summary>Gives the buffer back; the reader is not to be used after it.</summary>
    public void Release() => ArrayPool<byte>.Shared.Return(_buffer);

    private static EndOfStreamException EndInsideFrame() => new("the connection ended in the middle of a frame");
}
