namespace PortForward.Tunnels.Pool;

/// <summary>A tunnel of a pool, and what it is used for. Guarded by the pool's lock, unless a member says otherwise.</summary>
/// <param name="tunnel">The tunnel, owned by this.</param>
internal sealed class PooledTunnel(ITunnel tunnel)
{
    private bool _isValidating;

    public ITunnel Tunnel => tunnel;

    /// <summary>How many uses there are: pairs that are open or being drained, and a validation.</summary>
    public int Uses { get; private set; }

    /// <summary>Whether it gets no further connection and ends with its last one.</summary>
    public bool IsDraining { get; private set; }

    /// <summary>Since when it is idle, as a timestamp of the clock.</summary>
    public long IdleSince { get; set; }

    /// <summary>Whether a pair was opened in it. Only ever becomes true, and is read after the end.</summary>
    public bool HasOpened { get; private set; }

    /// <summary>Whether it was alive when the pool removed it, so that its end is not the network's.</summary>
    public bool IsEndedByPool { get; private set; }

    /// <summary>Whether connections can be opened in it, also beside others.</summary>
    public bool CanServe => !IsDraining && !_isValidating && tunnel.CanOpen;

    /// <summary>Whether it is known to live, as far as it can tell by itself.</summary>
    public bool IsAlive => tunnel is { IsConnected: true, IsUnresponsive: false, IsSilent: false };

    /// <summary>Whether it is known to live, and so the pod: if it were dead it would notice that by itself, as it waits for the pod.</summary>
    public bool ProvesPod => !_isValidating && IsAlive && tunnel.IsWaitingForPod;

    /// <summary>Whether it can be relied on without a probe: one that is busy says as much as one that is idle.</summary>
    public bool IsSound => CanServe && tunnel is { IsUnresponsive: false, IsSilent: false };

    /// <summary>Whether a connection got through it and was answered.</summary>
    public bool HasServed => HasOpened && tunnel.HasReceived;

    public void Use() => Uses++;

    /// <summary>Ends one use.</summary>
    /// <param name="isReusable">Whether the tunnel may serve others.</param>
    /// <returns>Whether it was the last one.</returns>
    public bool Release(bool isReusable)
    {
        Uses--;
        IsDraining |= !isReusable || !tunnel.CanOpen;
        return Uses == 0;
    }

    /// <summary>A pair was opened in it. Called without the lock.</summary>
    public void Opened() => HasOpened = true;

    /// <summary>It serves nobody until it has answered a ping.</summary>
    public void BeginValidation()
    {
        Use();
        _isValidating = true;
    }

    /// <summary>It has answered, or not; <see cref="Release"/> follows.</summary>
    public void EndValidation() => _isValidating = false;

    /// <summary>The pool has removed it.</summary>
    public void Removed()
    {
        IsDraining = true;
        IsEndedByPool = tunnel.CanOpen;
    }

    /// <summary>Ends it elsewhere, since whoever asks for it may hold the lock.</summary>
    public void End() => _ = Task.Run(() => tunnel.DisposeAsync().AsTask());
}
