namespace PortForward.Tunnels;

/// <summary>The ways in which a stream pair can end.</summary>
internal enum PairEndKind
{
    /// <summary>The error stream ended without a message: the application closed the connection, or was killed (its kernel closes gracefully).</summary>
    Completed,

    /// <summary>The pod sent an error message.</summary>
    Failed,

    /// <summary>The pod reset the streams without a message.</summary>
    Reset,

    /// <summary>The tunnel, or as much of it as served the pair, ended first.</summary>
    TunnelLost,

    /// <summary>The pod did not answer the streams in time, though the tunnel may live.</summary>
    Unanswered,
}

/// <summary>How a stream pair ended.</summary>
/// <param name="Kind">The way it ended.</param>
/// <param name="Message">The pod's own message for <see cref="PairEndKind.Failed"/>; otherwise null.</param>
internal readonly record struct PairEnd(PairEndKind Kind, string? Message = null);
