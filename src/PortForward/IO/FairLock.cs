namespace PortForward.IO;

/// <summary>
/// An asynchronous lock that serves waiters strictly in the order in which they came, so that streams that share a session
/// share its bandwidth. (SemaphoreSlim does not promise an order.)
/// </summary>
internal sealed class FairLock
{
    private readonly Lock _gate = new();
    private readonly LinkedList<TaskCompletionSource> _waiters = new();
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
        LinkedListNode<TaskCompletionSource> waiter;
        lock (_gate)
        {
            if (!_held)
            {
                _held = true;
                return ValueTask.CompletedTask;
            }

            waiter = _waiters.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        return cancellationToken.CanBeCanceled ? WaitAsync(waiter, cancellationToken) : new ValueTask(waiter.Value.Task);
    }

    /// <summary>Gives the lock to the next waiter, or frees it.</summary>
    public void Exit()
    {
        lock (_gate)
        {
            if (_waiters.First is not { } next)
            {
                _held = false;
                return;
            }

            _waiters.RemoveFirst();
            next.Value.SetResult();
        }
    }

    private async ValueTask WaitAsync(LinkedListNode<TaskCompletionSource> waiter, CancellationToken cancellationToken)
    {
        await using (cancellationToken.UnsafeRegister((_, token) => Cancel(waiter, token), null).ConfigureAwait(false))
        {
            await waiter.Value.Task.ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Removes a cancelled waiter, unless it holds the lock already. Otherwise cancelled waiters would pile up behind a holder that never exits.
    /// </summary>
    private void Cancel(LinkedListNode<TaskCompletionSource> waiter, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (waiter.List is null)
            {
                return;
            }

            _waiters.Remove(waiter);
        }

        waiter.Value.SetCanceled(cancellationToken);
    }
}
