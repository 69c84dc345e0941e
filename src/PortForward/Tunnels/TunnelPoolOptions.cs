namespace PortForward.Tunnels;

/// <summary>Limits of a <see cref="TunnelPool"/>.</summary>
public sealed record TunnelPoolOptions
{
    /// <summary>
    /// How long the pod may take to end its half of a pair that this side has given up. 10 s by default: runtimes need one second,
    /// the rest is for slow networks. Then the tunnel is dropped instead of being used again.
    /// </summary>
    public TimeSpan SettleTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an idle tunnel is kept beside the one used last; 60 s by default. It is checked once in that time.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The most first bytes of a connection that ride along with its opening, in bytes; 32 KiB by default: one data frame.</summary>
    public int MaxFirstBytes { get; init; } = 32 * 1024;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
