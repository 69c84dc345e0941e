namespace PortForward.Tunnels;

/// <summary>
/// A way to one pod that carries stream pairs, one pair for each forwarded connection. It is an established connection, or one that is made for its only pair.
/// </summary>
internal interface ITunnel : IAsyncDisposable
{
    /// <summary>Whether new pairs can be opened.</summary>
    bool CanOpen { get; }

    /// <summary>
    /// Whether it has an established connection whose death would be noticed. If not, the tunnel says nothing about the network and the server.
    /// </summary>
    bool IsConnected { get; }

    /// <summary>
    /// False until the first byte arrives: until then it is unproven that the accepting endpoint reaches the pod. True where there is no connection.
    /// </summary>
    bool HasReceived { get; }

    /// <summary>Completes when the tunnel has ended, with the way it ended. Never faults.</summary>
    Task<TunnelEnd> Completion { get; }

    /// <summary>
    /// Whether nothing was received for the liveness timeout while data is unacknowledged. The tunnel may be dead, or an application may only not be reading;
    /// another tunnel to the same pod can tell.
    /// </summary>
    bool IsUnresponsive { get; }

    /// <summary>Whether nothing was received for a whole ping interval, although the tunnel waited for the pod. The tunnel may be dying, or stalling.</summary>
    bool IsSilent { get; }

    /// <summary>Called when <see cref="IsSilent"/> or <see cref="IsUnresponsive"/> has become true. It must return soon.</summary>
    Action? OnSilence { get; set; }

    /// <summary>Whether the clients have read all that has arrived, so that the tunnel waits for the pod.</summary>
    bool IsWaitingForPod { get; }

    /// <summary>Finds out whether the tunnel works at this moment, and no client or application that does not read blocks it.</summary>
    /// <returns>True when it does. While it is blocked the task may not complete.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before it was known.</exception>
    Task<bool> IsFlowingAsync(CancellationToken cancellationToken);

    /// <summary>Sends a ping and waits for the reply.</summary>
    /// <returns>True when it has come; false when the tunnel ended first. As long as neither happens, the task does not complete.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before.</exception>
    Task<bool> PingAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Opens a pair to a port of the pod and sends initial data along with it, without waiting for a reply of the pod.
    /// </summary>
    /// <param name="port">The pod's port, 1 to 65535.</param>
    /// <param name="initialData">What the client has sent already, at most <see cref="MaxInitialData"/>; may be empty.</param>
    /// <param name="cancellationToken">Ends the attempt; then no pair was opened.</param>
    /// <returns>The pair, or why there is none; then nothing was handed to the transport. After <see cref="TunnelFaultKind.Lost"/> another
    /// tunnel may be tried with the same bytes.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<Attempt<ITunnelPair>> OpenPairAsync(int port, ReadOnlyMemory<byte> initialData, CancellationToken cancellationToken);

    /// <summary>The most initial data that <see cref="OpenPairAsync"/> takes, in bytes.</summary>
    int MaxInitialData { get; }
}
