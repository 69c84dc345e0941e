namespace PortForward.Tunnels.Pool;

/// <summary>What draining a pair has shown about its tunnel.</summary>
internal enum DrainOutcome
{
    /// <summary>The pod has read everything: the tunnel can serve others.</summary>
    Drained,

    /// <summary>The tunnel cannot serve others.</summary>
    TunnelEnded,

    /// <summary>The pod has not answered the pair, and would answer none behind it.</summary>
    Unanswered,

    /// <summary>The pod has not read everything in time.</summary>
    TimedOut,
}
