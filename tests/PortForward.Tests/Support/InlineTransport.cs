using System.Threading.Tasks.Sources;
using PortForward.IO;

namespace PortForward.Tests.Support;

/// <summary>
/// A transport that allocates nothing, and on which everything runs on the thread of the test: bytes that are delivered are handled before
/// <see cref="Deliver"/> returns. So what a thread has allocated is what the code under test has.
/// </summary>
internal sealed class InlineTransport : DuplexByteStream, IValueTaskSource<int>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<int> _read;
    private ManualResetValueTaskSourceCore<int> _write;
    private Memory<byte> _destination;
    private bool _isReading;
    private bool _isWriting;
    private bool _disposed;

    /// <summary>Whether somebody waits for bytes.</summary>
    public bool IsReading => Volatile.Read(ref _isReading);

    /// <summary>Whether a write waits for <see cref="FinishWrite"/>.</summary>
    public bool IsWriting => Volatile.Read(ref _isWriting);

    /// <summary>Whether writes wait, as those to a network do whose buffers are full.</summary>
    public bool HoldsWrites { get; set; }

    /// <summary>How many bytes were written.</summary>
    public long Written { get; private set; }

    /// <summary>Gives bytes to whoever waits for them.</summary>
    public void Deliver(ReadOnlySpan<byte> bytes)
    {
        if (_destination.IsEmpty)
        {
            // It waits without a buffer, and reads with one as soon as it is told that there is something.
            _isReading = false;
            _read.SetResult(0);
        }

        bytes.CopyTo(_destination.Span);
        _isReading = false;
        _read.SetResult(bytes.Length);
    }

    /// <summary>Completes the write that waits.</summary>
    public void FinishWrite()
    {
        _isWriting = false;
        _write.SetResult(0);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _read.Reset();
        _destination = buffer;
        Volatile.Write(ref _isReading, true);
        return new ValueTask<int>(this, _read.Version);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Written += buffer.Length;
        if (!HoldsWrites)
        {
            return ValueTask.CompletedTask;
        }

        _write.Reset();
        _isWriting = true;
        return new ValueTask(this, _write.Version);
    }

    int IValueTaskSource<int>.GetResult(short token) => _read.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _read.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _read.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource.GetResult(short token) => _write.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _write.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _write.OnCompleted(continuation, state, token, flags);

    protected override void Dispose(bool disposing)
    {
        if (!_disposed)
        {
            _disposed = true;
            if (_isReading)
            {
                _isReading = false;
                _read.SetException(new ObjectDisposedException(nameof(InlineTransport)));
            }
        }

        base.Dispose(disposing);
    }
}
