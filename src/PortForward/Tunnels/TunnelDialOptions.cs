namespace PortForward.Tunnels;

/// <summary>Limits for dialling tunnels.</summary>
public sealed record TunnelDialOptions
{
    /// <summary>How long a dial may take from its start to the server's answer; <see cref="Timeout.InfiniteTimeSpan"/> for no limit. 30 s by default.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The clock for limits and PINGs.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
