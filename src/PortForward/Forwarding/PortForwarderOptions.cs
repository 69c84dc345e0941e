using System.Net.Sockets;

namespace PortForward.Forwarding;

/// <summary>How a <see cref="PortForwarder"/> treats its connections.</summary>
internal sealed record PortForwarderOptions
{
    /// <summary>
    /// How long the pod must have been silent before a client's end of sending is passed on to it. 5 s by default: the runtimes cut
    /// the application's answer one second after they have seen it, silently. Zero passes it on at once.
    /// </summary>
    public TimeSpan HalfCloseTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long to wait for the pod's completion status after its data has ended. 10 s by default; the runtimes send it some milliseconds later.
    /// </summary>
    public TimeSpan CompletionStatusTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a client may go without taking anything of what it was sent, or without closing its side, before it is closed for
    /// good; 2 s by default. While it lasts, what the client still sends is discarded, so that this system does not answer with
    /// a reset that destroys the end of the pod's answer.
    /// </summary>
    public TimeSpan LingerTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long connections that are open when the forward is stopped may go on; zero by default, which resets them at once.
    /// <see cref="Timeout.InfiniteTimeSpan"/> waits for all of them.
    /// </summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.Zero;

    /// <summary>
    /// How many clients may be connected at a time; those beyond wait to be accepted. No limit by default. Each needs two file descriptors, of which
    /// a process has a limited number: its own and its tunnel's.
    /// </summary>
    public int? MaxConnections { get; init; }

    /// <summary>
    /// Whether a port that cannot be listened on, or is another program's on one of its addresses, is a failure of the start.
    /// If not, which is the default and kubectl's way, one that can be is enough.
    /// </summary>
    public bool RequireAllPorts { get; init; }

    /// <summary>Called with every event, one at a time and in order, from the forwarder's own threads: it must return soon.</summary>
    public Action<ForwardEvent>? OnEvent { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Whether the client at the other end of a connection has closed it; null where the system does not tell.</summary>
    internal Func<Socket, bool?> IsClosedByClient { get; init; } = SocketDiagnosis.IsClosedByClient;
}
