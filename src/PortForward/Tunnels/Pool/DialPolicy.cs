namespace PortForward.Tunnels.Pool;

/// <summary>
/// Decides when a pool dials: counts and the clock go in, the number of dials comes out. It knows no tunnel, task or lock; the pool's lock guards it.
/// </summary>
/// <remarks>
/// Each waiter has a dial under way, as in .NET's pool of HTTP connections; whichever tunnel comes first, dialled or returned, serves the first waiter.
/// Once nobody waits, a minimum of idle tunnels is dialled in advance, so that the next connection finds one; more come by themselves, since a tunnel that was
/// dialled for a burst stays idle for a while after it. What else was tried: docs/decisions/0009 and 0015.
/// </remarks>
/// <param name="options">The limits and the clock.</param>
internal sealed class DialPolicy(TunnelPoolOptions options)
{
    /// <summary>How long connections share tunnels after a dial that failed, before one of them dials again, if the server does not ask for longer.</summary>
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time = options.Time;

    /// <summary>When to dial again for a connection that may share tunnels meanwhile, as a timestamp of the clock.</summary>
    private long _retryAt = long.MinValue;

    /// <summary>A dial has brought a tunnel.</summary>
    public void Established() => _retryAt = long.MinValue;

    /// <summary>A dial has failed while there are tunnels to share: a server that wants no more of them is a limit like ours.</summary>
    public void Refused(TunnelFault fault) => _retryAt = _time.After(fault.RetryAfter is { } asked && asked > RetryDelay ? asked : RetryDelay);

    /// <summary>Whether there may be another dial: the limit allows it, and the server wants it or else nobody could be served.</summary>
    public bool MayDial(DialDemand demand) => HasRoom(demand) && (_time.GetTimestamp() >= _retryAt || !demand.CanShare);

    /// <summary>Whether the limits allow another tunnel. The first one needs no room in the budget.</summary>
    public bool HasRoom(DialDemand demand) => demand.Occupied + demand.Dialling is var held && held < options.MaxTunnels && (held == 0 || demand.Room > 0);

    /// <summary>Says how many dials to begin now.</summary>
    public int Plan(DialDemand demand)
    {
        int wanted = Math.Max(demand.Waiters, Math.Min(demand.Connecting, 1));
        if (demand is { Prewarm: true, HasTunnels: true, Waiters: 0 })
        {
            // Not before one has shown that the pod can be reached: failures would only be multiplied. Nor beside a burst, which it would slow down.
            wanted = Math.Max(wanted, options.MinimumIdle - demand.Idle);
        }

        if (demand is { ReplaceLast: true, HasTunnels: false })
        {
            wanted = Math.Max(wanted, 1);
        }

        DialDemand planned = demand;
        while (planned.Dialling < wanted && MayDial(planned))
        {
            planned = planned with { Dialling = planned.Dialling + 1, Room = Math.Max(0, planned.Room - 1) };
        }

        return planned.Dialling - demand.Dialling;
    }
}
