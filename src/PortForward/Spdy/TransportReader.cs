using System.Buffers;
using System.Runtime.CompilerServices;

namespace PortForward.Spdy;

/// <summary>A session's view of its transport: takes bytes in the sizes that frames ask for, from one buffer of fixed size.</summary>
internal sealed class TransportReader
{
    /// <summary>
    /// How many bytes are read from a transport that always has some before others get a turn, in bytes: the thread may be the one that hears for other
    /// connections from the system. 1 MiB is half a millisecond.
    /// </summary>
    private const int MaxWithoutWait = 1024 * 1024;

    private readonly Stream _transport;
    private readonly Func<ValueTask> _beforeWait;
    private readonly byte[] _buffer;
    private int _start;
    private int _end;
    private long _received;
    private int _sinceWait;
    private volatile bool _isWaiting;

    /// <summary>Starts to read.</summary>
    /// <param name="transport">What is read; it stays the caller's.</param>
    /// <param name="beforeWait">Called when the transport has nothing at the moment, before it is waited for.</param>
    /// <param name="bufferSize">How much is read at once, in bytes; a single <see cref="FillAsync"/> can ask for no more.</param>
    public TransportReader(Stream transport, Func<ValueTask> beforeWait, int bufferSize)
    {
        _transport = transport;
        _beforeWait = beforeWait;
        _buffer = ArrayPool<byte>.Shared.Rent(bufferSize);
    }

    /// <summary>How many bytes the transport has given so far.</summary>
    public long Received => Interlocked.Read(ref _received);

    /// <summary>Whether the reader waits for the transport at this moment, and not for whoever takes its bytes.</summary>
    public bool IsWaiting => _isWaiting;

    private int Buffered => _end - _start;

    /// <summary>Waits until <paramref name="count"/> bytes are there. False when the transport ended before the first of them.</summary>
    /// <exception cref="EndOfStreamException">The transport ended after some of them.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
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
            ValueTask<int> reading = _transport.ReadAsync(_buffer.AsMemory(_end), CancellationToken.None);
            if (!reading.IsCompleted)
            {
                await _beforeWait().ConfigureAwait(false);
                _isWaiting = true;
                _sinceWait = 0;
            }
            else if (_sinceWait > MaxWithoutWait)
            {
                await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                _sinceWait = 0;
            }

            int read = await reading.ConfigureAwait(false);
            _isWaiting = false;
            if (read == 0)
            {
                return Buffered == 0 ? false : throw EndInsideFrame();
            }

            _sinceWait += read;
            Interlocked.Add(ref _received, read);
            _end += read;
        }

        return true;
    }

    /// <summary>Like <see cref="FillAsync"/>, where an end of the transport is always an error.</summary>
    /// <exception cref="EndOfStreamException">The transport ended.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
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
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ReadOnlyMemory<byte>> TakeSomeAsync(int most)
    {
        await FillInsideFrameAsync(1).ConfigureAwait(false);
        return Take(Math.Min(most, Buffered));
    }

    /// <summary>Gives the buffer back; the reader is not to be used after it.</summary>
    public void Release() => ArrayPool<byte>.Shared.Return(_buffer);

    private static EndOfStreamException EndInsideFrame() => new("the connection ended in the middle of a frame");
}
