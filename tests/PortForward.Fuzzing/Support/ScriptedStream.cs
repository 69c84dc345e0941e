using PortForward.IO;

namespace PortForward.Fuzzing.Support;

/// <summary>How a connection ends when all of its bytes were read.</summary>
internal enum StreamEnding
{
    /// <summary>The other side closes it.</summary>
    Closed,

    /// <summary>It is cut.</summary>
    Cut,

    /// <summary>Nothing more comes until this side closes it.</summary>
    Silent,
}

/// <summary>A connection whose other side sends given bytes, in pieces of random size, and takes whatever it is sent.</summary>
/// <param name="bytes">What the other side sends.</param>
/// <param name="random">Cuts the pieces, and says which of them come late; null for all bytes at once.</param>
/// <param name="ending">What comes after them.</param>
/// <param name="start">Nothing comes before it has completed; null for at once.</param>
internal sealed class ScriptedStream(byte[] bytes, Random? random = null, StreamEnding ending = StreamEnding.Closed, Task? start = null) : DuplexByteStream
{
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly int _mostAtOnce = random?.Next(4) switch { null => int.MaxValue, 0 => 1, 1 => 9, 2 => 64, _ => 1024 };

    /// <summary>How many of the bytes were read.</summary>
    public int BytesRead { get; private set; }

    /// <summary>Whether pieces may come late, so that whoever reads goes on in another thread. Not where a test runs the clock.</summary>
    public bool MayBeLate { get; init; } = true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (start is { IsCompleted: false })
        {
            await start;
        }

        if (MayBeLate && random?.Next(8) == 0)
        {
            await Task.Yield();
        }

        ObjectDisposedException.ThrowIf(_closed.Task.IsCompleted, this);
        int count = Math.Min(buffer.Length, bytes.Length - BytesRead);
        if (count > 0)
        {
            count = Math.Min(count, random?.Next(1, _mostAtOnce + 1) ?? count);
            bytes.AsMemory(BytesRead, count).CopyTo(buffer);
            BytesRead += count;
        }
        else if (buffer.Length > 0 && ending == StreamEnding.Cut)
        {
            throw new IOException("connection reset by peer");
        }
        else if (buffer.Length > 0 && ending == StreamEnding.Silent)
        {
            await _closed.Task.WaitAsync(cancellationToken);
            throw new ObjectDisposedException(nameof(ScriptedStream));
        }

        return count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_closed.Task.IsCompleted, this);
        return ValueTask.CompletedTask;
    }

    protected override void Dispose(bool disposing)
    {
        _closed.TrySetResult();
        base.Dispose(disposing);
    }
}
