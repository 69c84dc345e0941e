namespace PortForward.Tunnels;

/// <summary>Limits for dialling tunnels.</summary>
internal sealed record TunnelDialOptions
{
    /// <summary>How often a tunnel is pinged in the time after which a silent one counts as dead.</summary>
    public const int PingsPerTimeout = 3;

    /// <summary>How long a dial may take from its start to the server's answer; <see cref="Timeout.InfiniteTimeSpan"/> for no limit. 30 s by default.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// After how long without a byte from the server a tunnel counts as dead, 15 s by default. The tunnel is pinged three times in that time. Use less where
    /// load balancers cut connections that are idle for a third of it.
    /// </summary>
    public TimeSpan LivenessTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long a <see cref="FallbackDialer"/> waits for one transport's dial, whatever the transport's own limits;
    /// <see cref="Timeout.InfiniteTimeSpan"/> for no limit. 10 s by default: a dial that began on a dead network stays stuck when the network is back.
    /// </summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long the first tunnel of a transport may take to carry its initial data to the pod and back, before the next transport is tried;
    /// 5 s by default.
    /// </summary>
    public TimeSpan ProofTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long the pod's runtime may take to answer a new connection, with whatever it says first, before its tunnel is retired; 10 s by default. It does not run
    /// while this side is not reading, nor while data of other connections in the tunnel may delay the answer.
    /// </summary>
    public TimeSpan StreamAnswerTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The clock for limits and PINGs.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
