namespace PortForward.Tunnels;

/// <summary>Where a forwarder gets its stream pairs from.</summary>
internal interface ITunnelSource : IAsyncDisposable
{
    /// <summary>Makes sure that a tunnel is established, so that what cannot work is known before anything listens.</summary>
    /// <returns>Null when one is, otherwise why none is.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    Task<TunnelFault?> ConnectAsync(CancellationToken cancellationToken);

    /// <summary>Opens a pair to a port of a pod.</summary>
    /// <param name="request">Which port, with what initial data, and on which pods not.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The pair, or why there is none.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<Attempt<RoutedPair>> OpenPairAsync(PairRequest request, CancellationToken cancellationToken);

    /// <summary>The most initial data that <see cref="OpenPairAsync"/> takes, in bytes.</summary>
    int MaxInitialData { get; }

    /// <summary>Completes, with the reason, when the source will never again open a pair. It does not complete before that.</summary>
    Task<TunnelFault> Completion { get; }
}
