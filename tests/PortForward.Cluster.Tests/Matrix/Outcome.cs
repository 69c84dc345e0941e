using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>How a connection must end.</summary>
/// <param name="Client">What the client sees.</param>
/// <param name="End">What the forward says about it.</param>
/// <param name="Reason">What the pod's error message means, when there must be one.</param>
internal sealed record Outcome(ClientSees Client, ConnectionEndKind End, PodErrorKind? Reason = null)
{
    /// <summary>What the client gets, where that differs by the transport.</summary>
    public string Answer { get; init; } = "";
}

/// <summary>The ends that a client can see.</summary>
internal enum ClientSees
{
    /// <summary>None: the client ends the connection itself.</summary>
    Nothing,

    /// <summary>An orderly end (FIN).</summary>
    End,

    /// <summary>A reset (RST).</summary>
    Reset,
}
