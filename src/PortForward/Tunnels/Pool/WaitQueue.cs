namespace PortForward.Tunnels.Pool;

/// <summary>The connections that wait for a tunnel, first come, first served. Guarded by the pool's lock.</summary>
internal sealed class WaitQueue
{
    private readonly LinkedList<Waiter> _waiters = [];

    public int Count => _waiters.Count;

    public Waiter Enqueue()
    {
        var waiter = new Waiter();
        _waiters.AddLast(waiter.Node);
        return waiter;
    }

    /// <summary>Gives a use of a tunnel to the first waiter; false if nobody waits.</summary>
    public bool TryServe(TunnelUse use)
    {
        if (_waiters.First is not { } first)
        {
            return false;
        }

        _waiters.RemoveFirst();
        first.Value.Complete(new Attempt<TunnelUse>(use));
        return true;
    }

    /// <summary>Leaves the queue. False if the waiter was served meanwhile.</summary>
    public bool Withdraw(Waiter waiter)
    {
        if (!waiter.IsQueued)
        {
            return false;
        }

        _waiters.Remove(waiter.Node);
        return true;
    }

    /// <summary>Whether a waiter is one of the first.</summary>
    public bool IsAmongFirst(Waiter waiter, int count) => _waiters.Take(count).Contains(waiter);

    /// <summary>Tells waiters why there is no tunnel, the first ones first, until so many are left: those for whom a dial is under way.</summary>
    public int FailUntil(int left, TunnelFault fault)
    {
        int failed = 0;
        while (_waiters.Count > left && _waiters.First is { } first)
        {
            _waiters.RemoveFirst();
            first.Value.Complete(new Attempt<TunnelUse>(fault));
            failed++;
        }

        return failed;
    }

    /// <summary>A connection that waits. Its continuations never run inside the lock.</summary>
    internal sealed class Waiter
    {
        private readonly TaskCompletionSource<Attempt<TunnelUse>> _served = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Waiter() => Node = new LinkedListNode<Waiter>(this);

        /// <summary>Completes with a use of a tunnel, or with why there is none.</summary>
        public Task<Attempt<TunnelUse>> Served => _served.Task;

        /// <summary>Whether it waits still.</summary>
        public bool IsQueued => Node.List is not null;

        public LinkedListNode<Waiter> Node { get; }

        public void Complete(Attempt<TunnelUse> use) => _served.SetResult(use);
    }
}
