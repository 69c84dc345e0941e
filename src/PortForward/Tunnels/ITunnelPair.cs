namespace PortForward.Tunnels;

/// <summary>A stream pair as its tunnel hands it out, with what whoever reuses the tunnel needs to know.</summary>
internal interface ITunnelPair : IStreamPair
{
    /// <summary>
    /// Disposes the pair and finds out whether the pod has read everything that was sent, so that nothing of it can block later pairs of the same tunnel: bytes
    /// that an application never reads may lie in the runtime for good.
    /// </summary>
    /// <returns>True when the pod has read everything; false when the tunnel ended first. As long as neither happens, the task does not complete.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before.</exception>
    Task<bool> DrainAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Ends, as <see cref="PairEndKind.TunnelLost"/>, the pairs of the same tunnel that are head-of-line blocked by this one: the pod has ended it and never
    /// reads the rest, so that they would wait forever.
    /// </summary>
    /// <returns>True when there is nothing more to do; false when it is not certain yet that this pair blocks them: ask again after a while.</returns>
    bool TryEndBlockedPairs();
}
