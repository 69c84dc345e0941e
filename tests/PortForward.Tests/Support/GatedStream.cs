using System.Collections.Concurrent;
using System.Threading.Channels;

namespace PortForward.Tests.Support;

/// <summary>A transport whose writes wait until the test lets them through, one by one or all of them.</summary>
internal sealed class GatedStream : MemoryStream
{
    private readonly Channel<Exception?> _permits = Channel.CreateUnbounded<Exception?>();
    private int _waiting;

    /// <summary>The writes that were let through.</summary>
    public ConcurrentQueue<byte[]> Written { get; } = new();

    /// <summary>Whether a write waits to be let through.</summary>
    public bool WriteIsWaiting => Volatile.Read(ref _waiting) > 0;

    /// <summary>Lets the next write through.</summary>
    public void LetOneThrough() => _permits.Writer.TryWrite(null);

    /// <summary>Makes the next write fail.</summary>
    public void FailOne(Exception exception) => _permits.Writer.TryWrite(exception);

    /// <summary>Lets every write through from now on.</summary>
    public void Open() => _permits.Writer.Complete();

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _waiting);
        if (await _permits.Reader.WaitToReadAsync(cancellationToken) && _permits.Reader.TryRead(out Exception? failure) && failure is not null)
        {
            Interlocked.Decrement(ref _waiting);
            throw failure;
        }

        // Copied only now: a caller that reuses its buffer before the write has ended is found out.
        Written.Enqueue(buffer.ToArray());
        Interlocked.Decrement(ref _waiting);
    }
}
