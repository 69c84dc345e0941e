using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using PortForward.IO;

namespace PortForward.Tests.Support;

/// <summary>
/// One end of an in-memory connection. It behaves as a socket does: disposing one end is the end of the stream for the other,
/// writing to an end that has gone fails, and an operation under way on the disposed end fails at once.
/// </summary>
internal sealed class DuplexStream : DuplexByteStream
{
    private readonly PipeReader _input;
    private readonly PipeWriter _output;
    private readonly Lock _gate = new();
    private bool _disposed;
    private long _bytesRead;

    private DuplexStream(PipeReader input, PipeWriter output)
    {
        _input = input;
        _output = output;
    }

    /// <summary>What was written by this end, one entry for each write.</summary>
    public ConcurrentQueue<byte[]> Writes { get; } = new();

    /// <summary>How many bytes were read from this end.</summary>
    public long BytesRead => Volatile.Read(ref _bytesRead);

    /// <summary>Whether this end was disposed.</summary>
    public bool IsDisposed
    {
        get
        {
            lock (_gate)
            {
                return _disposed;
            }
        }
    }

    /// <summary>Connects two ends.</summary>
    /// <param name="bufferSize">How many bytes each direction holds before a write waits; 0 for no bound.</param>
    public static (DuplexStream Client, DuplexStream Server) CreatePair(int bufferSize = 0)
    {
        var options = new PipeOptions(pauseWriterThreshold: bufferSize, resumeWriterThreshold: (bufferSize + 1) / 2, useSynchronizationContext: false);
        var up = new Pipe(options);
        var down = new Pipe(options);
        return (new DuplexStream(down.Reader, up.Writer), new DuplexStream(up.Reader, down.Writer));
    }

    /// <summary>Makes the other end's reads fail with an exception, at once.</summary>
    public void Break(Exception exception)
    {
        lock (_gate)
        {
            _output.Complete(exception);
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ReadResult result;
        try
        {
            result = await _input.ReadAsync(cancellationToken);
        }
        catch (InvalidOperationException e) when (IsDisposed)
        {
            throw new ObjectDisposedException("The stream was disposed.", e);
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            ReadOnlySequence<byte> taken = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, buffer.Length));
            taken.CopyTo(buffer.Span);
            int count = (int)taken.Length;
            _input.AdvanceTo(taken.End);
            _bytesRead += count;
            return count;
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ValueTask<FlushResult> flush;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            Writes.Enqueue(buffer.ToArray());
            _output.Write(buffer.Span);
            flush = _output.FlushAsync(cancellationToken);
        }

        FlushResult result = await flush;
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (result.IsCompleted)
        {
            throw new IOException("broken pipe");
        }
    }

    protected override void Dispose(bool disposing)
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _input.CancelPendingRead();
            _output.CancelPendingFlush();
            _input.Complete();
            _output.Complete();
        }

        base.Dispose(disposing);
    }
}
