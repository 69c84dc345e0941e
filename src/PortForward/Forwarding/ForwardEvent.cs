using System.Net;

namespace PortForward.Forwarding;

/// <summary>Something that happened to a forward and that its user may want to know. Every output of the program is a rendering of these.</summary>
public abstract record ForwardEvent;

/// <summary>A listener is open, and a tunnel to the pod is established: connections will be served.</summary>
/// <param name="Port">The listener.</param>
public sealed record ListenerOpened(ForwardedPort Port) : ForwardEvent;

/// <summary>An address of a port could not be bound, while another of the same group could, so that the port is served all the same.</summary>
/// <param name="EndPoint">What could not be bound.</param>
/// <param name="Reason">Why.</param>
public sealed record ListenerPartial(IPEndPoint EndPoint, ListenFailure Reason) : ForwardEvent;

/// <summary>A port cannot be served, or not at all of its addresses where that is required; those of its addresses that could be bound are closed again.</summary>
/// <param name="LocalPort">The local port that was asked for; 0 for any, and for a socket file.</param>
/// <param name="TargetPort">The pod's port.</param>
/// <param name="Failures">What could not be bound and why; at least one.</param>
public sealed record PortUnavailable(int LocalPort, int TargetPort, IReadOnlyList<(EndPoint EndPoint, ListenFailure Reason)> Failures) : ForwardEvent
{
    /// <summary>The last local port if any of a range was asked for, none of which is to be had; the failures are those of the first one. Null for one port.</summary>
    public int? LastLocalPort { get; init; }

    /// <summary>What the target calls the port; null if it has no name for it.</summary>
    public string? TargetName { get; init; }

    /// <summary>The remote port as it was asked for, a number or a name, which of a service need not be the pod's; null if it is not known.</summary>
    public string? Requested { get; init; }
}

/// <summary>A listener cannot accept connections for the moment; it goes on by itself.</summary>
/// <param name="Port">The listener.</param>
/// <param name="Reason">The system's error message.</param>
public sealed record AcceptFailed(ForwardedPort Port, string Reason) : ForwardEvent;

/// <summary>There are as many connections as there are file descriptors for, so that new ones wait until others end. It is reported once per shortage.</summary>
/// <param name="Port">A listener on which they wait.</param>
public sealed record OutOfDescriptors(ForwardedPort Port) : ForwardEvent;

/// <summary>A client has connected.</summary>
/// <param name="Id">A number that no other connection of the forwarder has.</param>
/// <param name="Port">The listener that accepted it.</param>
public sealed record ConnectionAccepted(long Id, ForwardedPort Port) : ForwardEvent;

/// <summary>A connection is over.</summary>
/// <param name="Id">The number of its <see cref="ConnectionAccepted"/>.</param>
/// <param name="Port">The listener that accepted it.</param>
/// <param name="End">How it ended.</param>
/// <param name="BytesSent">From the client towards the pod.</param>
/// <param name="BytesReceived">From the pod to the client.</param>
/// <param name="Duration">From the accept to the end.</param>
public sealed record ConnectionClosed(long Id, ForwardedPort Port, ConnectionEnd End, long BytesSent, long BytesReceived, TimeSpan Duration) : ForwardEvent
{
    /// <summary>The pod that it went to last; null if there was none.</summary>
    public string? Pod { get; init; }
}

/// <summary>The forward was stopped and accepts no more; connections that are open may come to their end.</summary>
/// <param name="Connections">How many there are.</param>
/// <param name="Timeout">How long they may take.</param>
public sealed record Draining(int Connections, TimeSpan Timeout) : ForwardEvent;
