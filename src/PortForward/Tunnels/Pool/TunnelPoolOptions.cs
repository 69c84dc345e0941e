namespace PortForward.Tunnels.Pool;

/// <summary>Limits of a <see cref="TunnelPool"/>.</summary>
public sealed record TunnelPoolOptions
{
    /// <summary>
    /// The most tunnels at a time, at least 1; 256 by default. Past it connections share tunnels, those that nothing holds up. 1 is
    /// kubectl's way, for servers where every upgrade costs.
    /// </summary>
    public int MaxTunnels { get; init; } = 256;

    /// <summary>
    /// The most tunnels that are dialled ahead, 8 by default; 0 dials none. As a rule it is one, as soon as the last idle one is taken;
    /// each connection that had to wait for its own dial makes it one more for a while. While tunnels come back one after the other it is one at most, not all the time.
    /// </summary>
    public int MaxSpares { get; init; } = 8;

    /// <summary>
    /// How long one dial may take, whatever the dialer's own limits; no limit by default. A <see cref="FallbackDialer"/> has one for each of its transports, and a
    /// common one would leave the last of them no time.
    /// </summary>
    public TimeSpan DialTimeout { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>
    /// How long the pod may take to read what a pair that this side has given up was sent. 10 s by default: as a rule it is one round trip.
    /// Then the tunnel is dropped instead of being used again.
    /// </summary>
    public TimeSpan SettleTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an idle tunnel is kept beside the spares; 60 s by default. It is checked once in that time.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How often tunnels are pinged, 5 s by default: a third of their <see cref="TunnelDialOptions.LivenessTimeout"/>. When none is heard for so long another one is dialled, which
    /// may take a second longer than that, to know when their time is up whether they are dead.
    /// </summary>
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a tunnel may take to show that nothing holds it up, before a connection is to share it; 1 s by default.</summary>
    public TimeSpan FlowTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The most initial data of a connection that ride along with its opening, in bytes; 32 KiB by default: one data frame.</summary>
    public int MaxInitialData { get; init; } = 32 * 1024;

    /// <summary>Called when a tunnel has ended that the pool did not end itself, or when the pool had to give the last one up. It must return soon.</summary>
    public Action<TunnelLoss>? OnLost { get; init; }

    /// <summary>Called when connections begin to wait because all tunnels there may be are held up. It must return soon.</summary>
    public Action? OnSaturated { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
