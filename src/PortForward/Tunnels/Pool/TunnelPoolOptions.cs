namespace PortForward.Tunnels.Pool;

/// <summary>Limits of a <see cref="TunnelPool"/>.</summary>
internal sealed record TunnelPoolOptions
{
    /// <summary>
    /// The most tunnels at a time, at least 1; 256 by default. At the limit connections share those tunnels that nothing blocks. 1 is kubectl's way, for
    /// servers where every upgrade costs.
    /// </summary>
    public int MaxTunnels { get; init; } = 256;

    /// <summary>What all pools that share it may have together, beside the limit of each; none if null.</summary>
    public TunnelBudget? Budget { get; init; }

    /// <summary>
    /// How many idle tunnels are dialled in advance; 1 by default, 0 dials none. It is dialled once the last idle tunnel is used and nobody waits for one, and not
    /// after losses.
    /// </summary>
    public int MinimumIdle { get; init; } = 1;

    /// <summary>
    /// How long one dial may take, whatever the dialer's own limits; no limit by default. A <see cref="FallbackDialer"/> has one for each of its transports, and a
    /// common one would leave the last of them no time.
    /// </summary>
    public TimeSpan DialTimeout { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>
    /// How long a released pair may take to drain, until the pod has read everything that was sent; 10 s by default. Usually it takes one round trip. After
    /// that the tunnel is dropped instead of being used again.
    /// </summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an idle tunnel beyond the minimum is kept; 45 s by default. It may take a ninth longer.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>
    /// How long after the last use of the pool its last idle tunnel is kept, too. No limit by default: the last tunnel is what tells first that the pod or the network
    /// has gone. With many pools it costs more than that is worth.
    /// </summary>
    public TimeSpan UnusedTime { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>
    /// How often tunnels are pinged, 5 s by default: a third of their <see cref="TunnelDialOptions.LivenessTimeout"/>. When all are silent for so long, another
    /// one is dialled, to know whether they are dead when their time is up. That dial may take a second longer than this.
    /// </summary>
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a tunnel may take to show that nothing blocks it, before a connection shares it; 1 s by default.</summary>
    public TimeSpan FlowTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The most initial data that is sent along with the opening of a connection, in bytes; 32 KiB by default: one data frame.</summary>
    public int MaxInitialData { get; init; } = 32 * 1024;

    /// <summary>The most tunnels at a time, whatever limits them.</summary>
    public int Limit => Math.Min(MaxTunnels, Budget?.Most ?? int.MaxValue);

    /// <summary>Called when a tunnel has ended that the pool did not end itself, or when the pool had to drop the last one. It must return soon.</summary>
    public Action<TunnelLoss>? OnLost { get; init; }

    /// <summary>Called when connections begin to wait because all tunnels there may be are blocked. It must return soon.</summary>
    public Action? OnSaturated { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
