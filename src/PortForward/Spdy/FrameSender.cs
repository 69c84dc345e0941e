using System.Buffers;
using System.Runtime.CompilerServices;
using PortForward.IO;

namespace PortForward.Spdy;

/// <summary>
/// The writing half of a session. Senders take turns in the order in which they came, one write at a time. Control frames go out with the next turn, and nobody
/// waits for them.
/// </summary>
/// <remarks>
/// The read loop must never wait for a write, since the peer may be waiting for this side to read. So it queues its control frames (<see cref="Enqueue"/>). A
/// write that has begun is never cancelled: half a frame would corrupt the session.
/// </remarks>
internal sealed class FrameSender
{
    /// <summary>How many bytes of control frames may be queued. A peer that makes this side queue more is flooding it.</summary>
    public const int MaxQueuedControlBytes = 64 * 1024;

    private readonly Stream _transport;
    private readonly Action<Exception> _onFault;
    private readonly FairLock _turn = new();
    private readonly Lock _controlGate = new();
    private byte[] _control = [];
    private int _controlLength;

    public FrameSender(Stream transport, Action<Exception> onFault)
    {
        _transport = transport;
        _onFault = onFault;
    }

    /// <summary>Writes frames into the buffer and returns how many bytes they have; 0 sends nothing.</summary>
    public delegate int Compose<in TState>(TState state, Span<byte> destination);

    /// <summary>Waits for the turn, composes frames into one buffer and hands it to the transport in one write.</summary>
    /// <param name="size">The room that <paramref name="compose"/> needs, in bytes.</param>
    /// <param name="state">What <paramref name="compose"/> works on.</param>
    /// <param name="compose">Called once it is this sender's turn.</param>
    /// <param name="cancellationToken">Ends the wait for the turn; never the write itself.</param>
    /// <returns>How many bytes <paramref name="compose"/> wrote.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<int> SendAsync<TState>(int size, TState state, Compose<TState> compose, CancellationToken cancellationToken)
    {
        await _turn.EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await ComposeAndWriteAsync(size, state, compose).ConfigureAwait(false);
        }
        finally
        {
            ExitTurn();
        }
    }

    /// <summary>Queues control frames behind those that are queued already. They go out with the next turn, or by <see cref="FlushOrFault"/>.</summary>
    /// <returns>Whether there was room, for <see cref="FlushOrFault"/>.</returns>
    public bool Enqueue(ReadOnlySpan<byte> frame)
    {
        lock (_controlGate)
        {
            int needed = _controlLength + frame.Length;
            if (needed > MaxQueuedControlBytes)
            {
                return false;
            }

            if (needed > _control.Length)
            {
                Array.Resize(ref _control, Math.Max(needed, Math.Max(64, _control.Length * 2)));
            }

            frame.CopyTo(_control.AsSpan(_controlLength));
            _controlLength = needed;
        }

        return true;
    }

    /// <summary>
    /// Waits while control frames are queued behind a write. Senders that can wait call it before they queue: behind a peer that does not read, unbounded PINGs
    /// would overflow the queue, which is treated as a flood.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled before.</exception>
    public async ValueTask WaitForRoomAsync(CancellationToken cancellationToken)
    {
        while (QueuedControlBytes() > 0)
        {
            await _turn.EnterAsync(cancellationToken).ConfigureAwait(false);

            // Otherwise those who wait here would hand the turn to each other, and nobody would send what is queued.
            _ = FlushControlAsync();
        }
    }

    /// <summary>Sends what is queued, unless somebody is writing: then it goes out with the next turn.</summary>
    public void Flush()
    {
        if (_turn.TryEnter())
        {
            _ = FlushControlAsync();
        }
    }

    /// <summary>Sends what is queued, or ends the session if there was no room for a frame.</summary>
    /// <param name="hadRoom">What <see cref="Enqueue"/> has returned.</param>
    public void FlushOrFault(bool hadRoom)
    {
        if (hadRoom)
        {
            Flush();
            return;
        }

        _onFault(new SpdyProtocolException($"the peer made this side queue more than {MaxQueuedControlBytes} bytes of control frames without reading them"));
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ComposeAndWriteAsync<TState>(int size, TState state, Compose<TState> compose)
    {
        int control = QueuedControlBytes();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(control + size);
        try
        {
            TakeControl(buffer.AsSpan(0, control));
            int composed = compose(state, buffer.AsSpan(control));
            if (control + composed > 0)
            {
                await _transport.WriteAsync(buffer.AsMemory(0, control + composed), CancellationToken.None).ConfigureAwait(false);
            }

            return composed;
        }
        catch (Exception e)
        {
            _onFault(e);
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Runs while holding the turn. Nobody need await it, since a fault is reported to the session.</summary>
    private async Task FlushControlAsync()
    {
        try
        {
            await ComposeAndWriteAsync<object?>(0, null, static (_, _) => 0).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // Reported to the session by ComposeAndWriteAsync.
        }
        finally
        {
            ExitTurn();
        }
    }

    private void ExitTurn()
    {
        _turn.Exit();

        // Whoever queued a frame after this turn had composed its write found the turn held, and left the sending to it.
        if (QueuedControlBytes() > 0 && _turn.TryEnter())
        {
            _ = FlushControlAsync();
        }
    }

    private int QueuedControlBytes()
    {
        lock (_controlGate)
        {
            return _controlLength;
        }
    }

    /// <summary>Moves the oldest queued bytes, always whole frames, to <paramref name="destination"/>. Later ones wait for the next turn.</summary>
    private void TakeControl(Span<byte> destination)
    {
        if (destination.IsEmpty)
        {
            return;
        }

        lock (_controlGate)
        {
            _control.AsSpan(0, destination.Length).CopyTo(destination);
            _control.AsSpan(destination.Length, _controlLength - destination.Length).CopyTo(_control);
            _controlLength -= destination.Length;
        }
    }
}
