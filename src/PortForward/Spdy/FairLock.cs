namespace PortForward.Spdy;

/// <summary>
/// An asynchronous lock that serves waiters strictly in the order in which they came, so that streams that share a session
/// share its bandwidth. (SemaphoreSlim does not promise an order.)
/// </summary>
internal sealed class FairLock
{
    private readonly Lock _gate = new();
    private readonly Queue<TaskCompletionSource> _waiters = new();
    private bool _held;

    /// <summary>Takes the lock if nobody holds it.</summary>
    public bool TryEnter()
    {
        lock (_gate)
        {
            return !_held && (_held = true);
        }
    }

    /// <summary>Takes the lock, after everybody who asked earlier.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled while waiting; the lock was not taken.</exception>
    public ValueTask EnterAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        TaskCompletionSource waiter;
        lock (_gate)
        {
            if (!_held)
            {
                _held = true;
                return ValueTask.CompletedTask;
            }

            waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Enqueue(waiter);
        }

        return cancellationToken.CanBeCanceled ? WaitAsync(waiter, cancellationToken) : new ValueTask(waiter.Task);
    }

    /// <summary>Gives the lock to the next waiter, or frees it.</summary>
    public void Exit()
    {
        lock (_gate)
        {
            // A cancelled waiter is still in the queue: TrySetResult fails for it and the next one is tried.
            while (_waiters.TryDequeue(out TaskCompletionSource? next))
            {
                if (next.TrySetResult())
                {
                    return;
                }
            }

            _held = false;
        }
    }

    private static async ValueTask WaitAsync(TaskCompletionSource waiter, CancellationToken cancellationToken)
    {
        await using (cancellationToken.UnsafeRegister(
            static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), waiter).ConfigureAwait(false))
        {
            await waiter.Task.ConfigureAwait(false);
        }
    }
}
