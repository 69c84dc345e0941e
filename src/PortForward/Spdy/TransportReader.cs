using System.Buffers;
using System.Runtime.CompilerServices;

namespace PortForward.Spdy;

/// <summary>Reads the transport through one buffer of fixed size, and gives out bytes in the sizes that frames need.</summary>
/// <remarks>While it waits and no transfer is under way it holds no buffer: most tunnels are idle most of the time.</remarks>
internal sealed class TransportReader
{
    /// <summary>
    /// After how many bytes from a transport that always has some the loop yields, in bytes: its thread may be the one that polls the system for other
    /// connections. 1 MiB takes half a millisecond.
    /// </summary>
    private const int MaxWithoutWait = 1024 * 1024;

    /// <summary>How many bytes in one read tell that a transfer is under way, so that the buffer is kept: half of a record of TLS.</summary>
    private const int BusyRead = 8 * 1024;

    private readonly Stream _transport;
    private readonly Func<ValueTask> _beforeWait;
    private readonly int _bufferSize;
    private byte[] _buffer = [];
    private bool _isBusy;
    private int _start;
    private int _end;
    private long _received;
    private int _sinceWait;
    private volatile bool _isWaiting;

    /// <summary>Starts to read.</summary>
    /// <param name="transport">What is read. The caller keeps ownership.</param>
    /// <param name="beforeWait">Called when the transport has nothing at the moment, before it is waited for.</param>
    /// <param name="bufferSize">How much is read at once, in bytes; the most that one <see cref="FillAsync"/> can wait for.</param>
    public TransportReader(Stream transport, Func<ValueTask> beforeWait, int bufferSize)
    {
        _transport = transport;
        _beforeWait = beforeWait;
        _bufferSize = bufferSize;
    }

    /// <summary>How many bytes the transport has given so far.</summary>
    public long Received => Interlocked.Read(ref _received);

    /// <summary>Whether the reader waits for the transport at this moment, and not for a consumer.</summary>
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
            if (Buffered == 0 && !_isBusy)
            {
                Release();
                await ReadAsync(Memory<byte>.Empty).ConfigureAwait(false);
            }

            if (_buffer.Length == 0)
            {
                _buffer = ArrayPool<byte>.Shared.Rent(_bufferSize);
            }

            int read = await ReadAsync(_buffer.AsMemory(_end)).ConfigureAwait(false);
            if (read == 0)
            {
                return Buffered == 0 ? false : throw EndInsideFrame();
            }

            _isBusy = read >= BusyRead;
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

    /// <summary>Takes bytes that are in the buffer. They are valid until the next call.</summary>
    public ReadOnlyMemory<byte> Take(int count)
    {
        ReadOnlyMemory<byte> bytes = _buffer.AsMemory(_start, count);
        _start += count;
        return bytes;
    }

    /// <summary>Takes what is there, at least 1 and at most <paramref name="most"/> bytes; waits for some if there are none.</summary>
    /// <exception cref="EndOfStreamException">The transport ended.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ReadOnlyMemory<byte>> TakeSomeAsync(int most)
    {
        await FillInsideFrameAsync(1).ConfigureAwait(false);
        return Take(Math.Min(most, Buffered));
    }

    /// <summary>Gives the buffer back, with what is left in it; the next read rents another one.</summary>
    public void Release()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
        }
    }

    /// <summary>Reads once. Without room it waits until there is something to read, as far as the transport can.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReadAsync(Memory<byte> room)
    {
        ValueTask<int> reading = _transport.ReadAsync(room, CancellationToken.None);
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
        return read;
    }

    private static EndOfStreamException EndInsideFrame() => new("the connection ended in the middle of a frame");
}
