namespace PortForward.Tunnels;

/// <summary>A connection to one pod that carries stream pairs, one pair for each forwarded connection.</summary>
public interface ITunnel : IAsyncDisposable
{
    /// <summary>Whether new pairs can be opened.</summary>
    bool CanOpen { get; }

    /// <summary>Completes when the tunnel has ended, for whatever reason. Never faults.</summary>
    Task Completion { get; }

    /// <summary>
    /// Whether nothing was heard for too long although something should have been, while bytes are on their way that an application
    /// may simply not be reading: it may be dead or only stalled, which another tunnel to the same pod can tell.
    /// </summary>
    bool IsSuspect { get; }

    /// <summary>Whether all that has arrived was taken, so that the tunnel waits for the pod and not for a client that does not read.</summary>
    bool IsWaitingForPod { get; }

    /// <summary>Finds out whether the tunnel works at this moment and is not held up by a client or an application that does not read.</summary>
    /// <returns>True when it does. Where it is held up the task may not end.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before it was known.</exception>
    Task<bool> IsFlowingAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Opens a pair to a port of the pod and sends first bytes along with it, without waiting for a reply of the pod.
    /// </summary>
    /// <param name="port">The pod's port, 1 to 65535.</param>
    /// <param name="firstBytes">What the client has sent already, at most <see cref="MaxFirstBytes"/>; may be empty.</param>
    /// <param name="cancellationToken">Ends the wait for a turn to write; then no pair was opened.</param>
    /// <returns>The pair, or null when the tunnel can open none any more and nothing was handed to the transport: then another
    /// tunnel may be tried with the same bytes.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<IStreamPair?> OpenPairAsync(int port, ReadOnlyMemory<byte> firstBytes, CancellationToken cancellationToken);

    /// <summary>The most first bytes that <see cref="OpenPairAsync"/> takes, in bytes.</summary>
    int MaxFirstBytes { get; }
}
