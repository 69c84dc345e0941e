using PortForward.Tunnels;

namespace PortForward.Forwarding;

/// <summary>The ways in which a forwarded connection can end.</summary>
public enum ConnectionEndKind
{
    /// <summary>The application closed it gracefully; the client has seen a FIN.</summary>
    Completed,

    /// <summary>The client went away; the pod was told at once.</summary>
    ClientGone,

    /// <summary>The pod sent an error message; the client was reset.</summary>
    PodFailed,

    /// <summary>The pod reset the connection without a message; the client was reset.</summary>
    PodReset,

    /// <summary>The pod's data ended but its completion status never came, so nobody can tell whether the answer is whole; the client was reset.</summary>
    NoCompletionStatus,

    /// <summary>The tunnel was lost; the client was reset.</summary>
    TunnelLost,

    /// <summary>The pod's runtime did not answer the connection; the client was reset.</summary>
    Unanswered,

    /// <summary>No tunnel could be opened; the client was reset.</summary>
    NoTunnel,

    /// <summary>The forwarder was stopped; the client was reset.</summary>
    Stopped,
}

/// <summary>How a forwarded connection ended.</summary>
/// <param name="Kind">The way it ended.</param>
public readonly record struct ConnectionEnd(ConnectionEndKind Kind)
{
    /// <summary>The pod's error message for <see cref="ConnectionEndKind.PodFailed"/>.</summary>
    public string? PodMessage { get; init; }

    /// <summary>The reason for <see cref="ConnectionEndKind.NoTunnel"/>.</summary>
    public TunnelFault? Fault { get; init; }
}
