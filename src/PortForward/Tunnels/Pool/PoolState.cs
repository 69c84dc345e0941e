using System.Net;
using PortForward.IO;

namespace PortForward.Tunnels.Pool;

/// <summary>
/// What a pool has and what is wanted of it, and how each event changes that: tunnels, waiters and dials under way. It starts no task and takes no lock; the
/// pool's lock guards it, and the pool carries out what <see cref="Balance"/> plans.
/// </summary>
/// <param name="options">The limits and the clock.</param>
internal sealed class PoolState(TunnelPoolOptions options)
{
    private readonly TunnelSet _tunnels = new();
    private readonly WaitQueue _waiters = new();
    private readonly DialPolicy _policy = new(options);
    private readonly UnresponsiveProbe _probe = new(options.Time, options.ProbeInterval);

    /// <summary>Those who only want to know that a tunnel is established.</summary>
    private readonly List<TaskCompletionSource<TunnelFault?>> _connecting = [];

    /// <summary>Tells waiters that a dial they waited for has failed, or that they may share tunnels now.</summary>
    private readonly AsyncSignal _mayShare = new();
    private int _dialling;
    private bool _saidSaturated;

    /// <summary>How many tunnels and dials the budget counts for this pool.</summary>
    private int _counted;
    private bool _isCounted = true;

    /// <summary>When the pool was used last, as a timestamp of the clock; while it is used that is brought up to date now and then.</summary>
    private long _usedAt = options.Time.GetTimestamp();

    /// <summary>
    /// Whether the pool's tunnels count in the budget. Those to a pod that gets no further connection do not: its successor needs as many.
    /// </summary>
    public bool IsCounted
    {
        get => _isCounted;
        set
        {
            _isCounted = value;
            CountInBudget();
        }
    }

    /// <summary>Whether the pool was disposed.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>How many pairs are open or being drained.</summary>
    public int Uses => _tunnels.Uses;

    public int IdleCount => _tunnels.IdleCount;

    /// <summary>Whether there is a tunnel that has not ended.</summary>
    public bool HasTunnel => _tunnels.Any(static tunnel => tunnel.Tunnel is { CanOpen: true } or { IsConnected: true });

    /// <summary>Whether one needs no probe. One that is busy tells as much as one that is idle: with a limit of one tunnel there may be no other for hours.</summary>
    public bool HasSoundTunnel => _tunnels.Any(static tunnel => tunnel.IsSound);

    /// <summary>How long the dial of a probe may take.</summary>
    public TimeSpan ProbeLimit => _probe.Limit;

    /// <summary>Plans the dials that are due; the planned ones count as begun. Every change ends in it.</summary>
    /// <param name="prewarm">Whether idle tunnels are dialled in advance, too: only when a connection has come, or they would be dialled after losses.</param>
    /// <param name="replaceLast">Whether a tunnel is dialled if none is left: without any, nobody would notice that the pod or the network has gone.</param>
    /// <returns>How many dials to begin now.</returns>
    public int Balance(bool prewarm = false, bool replaceLast = false)
    {
        if (IsClosed)
        {
            return 0;
        }

        CountInBudget();
        int dials = _policy.Plan(Demand with { Prewarm = prewarm, ReplaceLast = replaceLast });
        if (dials > 0 && _isCounted && options.Budget is { } budget)
        {
            dials = budget.Take(dials, isFirst: _counted == 0);
            _counted += dials;
        }

        _dialling += dials;
        return dials;
    }

    /// <summary>Begins to wait for a tunnel without using it.</summary>
    public TaskCompletionSource<TunnelFault?> AddConnecting()
    {
        var told = new TaskCompletionSource<TunnelFault?>(TaskCreationOptions.RunContinuationsAsynchronously);
        _connecting.Add(told);
        return told;
    }

    public void RemoveConnecting(TaskCompletionSource<TunnelFault?> told) => _connecting.Remove(told);

    /// <summary>Takes an idle tunnel; null if there is none.</summary>
    public PooledTunnel? TakeIdle()
    {
        _usedAt = options.Time.GetTimestamp();
        return _tunnels.TakeIdle();
    }

    /// <summary>Begins to wait for the use of a tunnel.</summary>
    public WaitQueue.Waiter Enqueue()
    {
        _saidSaturated &= _waiters.Count > 0;
        return _waiters.Enqueue();
    }

    /// <summary>Leaves the queue. False if the waiter was served meanwhile.</summary>
    public bool Withdraw(WaitQueue.Waiter waiter) => _waiters.Withdraw(waiter);

    /// <summary>What a waiter may do. Dials under way serve the first waiters; only the waiters behind those share tunnels.</summary>
    public SharingChoice ChoiceOf(WaitQueue.Waiter waiter) =>
        new(_waiters.IsAmongFirst(waiter, _dialling) ? [] : _tunnels.LeastBusyFirst(), IsDialling: _dialling > 0, _mayShare.Next);

    /// <summary>Counts another use of a tunnel; false if it cannot be had any more.</summary>
    public bool TryShare(PooledTunnel tunnel) => _tunnels.TryShare(tunnel);

    /// <summary>
    /// Whether to report that all tunnels are blocked. Reported once while connections wait; not while a tunnel is being dialled, and not for a connection that
    /// has left the queue.
    /// </summary>
    public bool BecomesSaturated(WaitQueue.Waiter waiter)
    {
        if (_saidSaturated || _dialling > 0 || !waiter.IsQueued)
        {
            return false;
        }

        _saidSaturated = true;
        return true;
    }

    /// <summary>Ends one use of a tunnel. One that is not to be used again is dropped with its last use.</summary>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="isReusable">Whether it may be used again.</param>
    public void Release(PooledTunnel tunnel, bool isReusable)
    {
        if (!tunnel.Release(isReusable))
        {
            return;
        }

        if (tunnel.IsDraining)
        {
            _tunnels.Drop(tunnel);
        }
        else
        {
            Offer(tunnel, isFresh: false);
        }
    }

    /// <summary>A dial has brought a tunnel.</summary>
    /// <returns>Whether a connection has waited for it.</returns>
    public bool Established(PooledTunnel tunnel)
    {
        _dialling--;
        _policy.Established();
        _probe.Established();
        _tunnels.Add(tunnel);
        bool isUsed = Offer(tunnel, isFresh: true);
        if (_waiters.Count > _dialling && !_policy.MayDial(Demand))
        {
            _mayShare.Signal();
        }

        TellConnecting(fault: null);
        return isUsed;
    }

    /// <summary>
    /// A dial has failed. The waiters for whom no other dial is under way are told why there is no tunnel. While there are tunnels they may share them instead: a server
    /// that wants no more of them is a limit like ours.
    /// </summary>
    /// <returns>Whether no tunnel is left and nobody was there to be told.</returns>
    public bool DialFailed(TunnelFault fault)
    {
        _dialling--;
        _mayShare.Signal();
        int told = 0;
        if (_tunnels.Any(tunnel => tunnel.CanServe && !(IsAnswer(fault) && tunnel.Tunnel.IsUnresponsive)))
        {
            _policy.Refused(fault);
        }
        else
        {
            told = _waiters.FailUntil(left: _dialling, fault);
        }

        if (_dialling == 0)
        {
            told += TellConnecting(fault);
        }

        return !IsClosed && _dialling == 0 && _tunnels.Count == 0 && told == 0;
    }

    /// <summary>A tunnel has ended.</summary>
    /// <returns>What its loss means; null if the pool has ended it itself.</returns>
    public TunnelLoss? Ended(PooledTunnel tunnel)
    {
        // Whoever noticed first that it has ended has removed it already.
        _tunnels.Remove(tunnel);
        return IsClosed || tunnel.IsEndedByPool ? null : Loss();
    }

    /// <summary>A tunnel has ended by itself: the idle ones are to be validated.</summary>
    /// <returns>The idle tunnels, in use for their validation.</returns>
    public PooledTunnel[] BeginValidation()
    {
        PooledTunnel[] idle = _tunnels.TakeAllIdle();
        Array.ForEach(idle, static tunnel => tunnel.BeginValidation());
        return idle;
    }

    /// <summary>A tunnel has answered its validation, or not.</summary>
    /// <returns>What the loss means if the tunnel was the last one; null if it was not, or if it has ended by itself, which is told where its end is noticed.</returns>
    public TunnelLoss? EndValidation(PooledTunnel tunnel, bool answers)
    {
        tunnel.EndValidation();
        bool isKnown = !IsClosed && _tunnels.Contains(tunnel);
        Release(tunnel, isReusable: answers);
        return isKnown && !answers && tunnel.IsEndedByPool && _tunnels.AliveCount == 0 ? Loss() : null;
    }

    /// <summary>
    /// Ends idle tunnels that have died, and those that were not needed for a while, or that another pool needs, except the minimum: the last one tells when the pod is
    /// lost. A pool that was not used for long keeps none.
    /// </summary>
    public void Prune()
    {
        if (_tunnels.Uses > 0 || _waiters.Count > 0)
        {
            _usedAt = options.Time.GetTimestamp();
        }

        bool isUnused = options.UnusedTime >= TimeSpan.Zero && options.Time.GetElapsedTime(_usedAt) >= options.UnusedTime;
        bool isShort = options.Budget?.IsUsedUpByOthers(_counted) == true;
        _tunnels.Prune(isUnused ? 0 : Math.Max(1, options.MinimumIdle), since => isShort || options.Time.GetElapsedTime(since) >= options.IdleTime);
        CountInBudget();
    }

    /// <summary>Ends the tunnels that wait for the pod and not for a client.</summary>
    public void DropWaiting()
    {
        Array.ForEach(_tunnels.Where(static tunnel => tunnel.Tunnel.IsWaitingForPod), _tunnels.Drop);
        CountInBudget();
    }

    /// <summary>Whether a tunnel is to be dialled now to find out whether silent ones are dead: not if another one is known to live.</summary>
    public bool TryBeginProbe() => !IsClosed
        && _probe.TryBegin(_tunnels.Any(static tunnel => tunnel.Tunnel is { IsSilent: true } or { IsUnresponsive: true }), HasProof);

    /// <summary>A probe has brought a tunnel.</summary>
    /// <returns>Whether it is kept; it counts as a dial under way then. At the limit, or if it could not tell of its own death, it must go again.</returns>
    public bool ProbeSucceeded(ITunnel tunnel)
    {
        bool isKept = !IsClosed && tunnel.IsConnected && _policy.HasRoom(Demand);
        _dialling += isKept ? 1 : 0;
        _probe.End(fault: null);
        return isKept;
    }

    /// <summary>A probe has brought no tunnel.</summary>
    public void ProbeFailed(TunnelFault fault) => _probe.End(IsAnswer(fault) ? null : fault);

    /// <summary>Drops the silent tunnels whose time is up, if no other one can be had.</summary>
    /// <param name="fault">Why no other one can be had.</param>
    /// <param name="count">How many were dropped.</param>
    /// <returns>What the loss means, also of those that have ended by themselves while that was found out; null if nothing is lost.</returns>
    public TunnelLoss? DropUnresponsive(out TunnelFault? fault, out int count)
    {
        fault = _probe.Fault;
        count = 0;
        if (IsClosed || HasProof || fault is null)
        {
            return null;
        }

        PooledTunnel[] unresponsive = _tunnels.Where(static tunnel => tunnel.Tunnel.IsUnresponsive);
        Array.ForEach(unresponsive, _tunnels.Drop);
        count = unresponsive.Length;
        return count > 0 ? Loss() with { HasServed = true }
            : _tunnels.Count == 0 ? Loss()
            : null;
    }

    /// <summary>Ends the waiting, and gives all tunnels to be ended.</summary>
    public PooledTunnel[] Close()
    {
        IsClosed = true;
        _waiters.FailUntil(left: 0, ClosedFault());
        TellConnecting(ClosedFault());
        options.Budget?.Adjust(-_counted);
        _counted = 0;
        return _tunnels.Clear();
    }

    public static TunnelFault ClosedFault() => new(TunnelFaultKind.Lost, "the tunnels to the pod were closed before the connection had one");

    private DialDemand Demand => new()
    {
        Waiters = _waiters.Count,
        Connecting = _connecting.Count,
        Dialling = _dialling,
        Idle = _tunnels.IdleCount,
        Occupied = _tunnels.OccupiedCount,
        Room = _isCounted && options.Budget is { } budget ? budget.Left : int.MaxValue,
        CanShare = _tunnels.Any(static tunnel => tunnel.CanServe),
        HasTunnels = _tunnels.Count > 0,
    };

    /// <summary>Has the budget count what there is now.</summary>
    private void CountInBudget()
    {
        if (options.Budget is not { } budget || IsClosed)
        {
            return;
        }

        int held = _isCounted ? _tunnels.OccupiedCount + _dialling : 0;
        budget.Adjust(held - _counted);
        _counted = held;
    }

    private bool HasProof => _tunnels.Any(static tunnel => tunnel.ProvesPod);

    /// <summary>Gives a tunnel that nobody uses to the first waiter, or keeps it idle. Returns whether there was one.</summary>
    private bool Offer(PooledTunnel tunnel, bool isFresh)
    {
        bool isUsed = _waiters.TryServe(new TunnelUse(tunnel, isFresh));
        if (isUsed)
        {
            tunnel.Use();
        }
        else
        {
            _tunnels.PutIdle(tunnel, options.Time.GetTimestamp());
        }

        return isUsed;
    }

    /// <summary>Completes the callers of connect, and removes them, so that they cause no further dial. Returns how many they were.</summary>
    private int TellConnecting(TunnelFault? fault)
    {
        int count = _connecting.Count;
        _connecting.ForEach(told => told.TrySetResult(fault));
        _connecting.Clear();
        return count;
    }

    /// <summary>What a loss means, once the tunnel was removed.</summary>
    private TunnelLoss Loss()
    {
        int alive = _tunnels.AliveCount;
        return new TunnelLoss(alive, _tunnels.HasServed) { Fault = alive == 0 ? _probe.Fault : null };
    }

    /// <summary>Whether a living server refuses a tunnel for reasons of its own, which say nothing about those that are established.</summary>
    private static bool IsAnswer(TunnelFault fault) =>
        fault is { Kind: TunnelFaultKind.Refused, StatusCode: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.TooManyRequests };
}
