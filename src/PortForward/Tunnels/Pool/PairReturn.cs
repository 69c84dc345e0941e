namespace PortForward.Tunnels.Pool;

/// <summary>
/// What becomes of a pair once its connection has ended: it is drained before its tunnel serves another, since bytes that an application never reads would block
/// whatever comes behind them.
/// </summary>
/// <param name="options">How long that may take, and the clock.</param>
internal sealed class PairReturn(TunnelPoolOptions options)
{
    /// <summary>How many checks of whether a pair blocks others fit into the time that a pair may take to drain.</summary>
    private const int ChecksPerDrain = 2;

    /// <summary>
    /// Drains a pair: waits until the pod has read every byte that was sent. Until the pod has ended its side too, which takes up to a second, what it sends is
    /// discarded and blocks nobody. A client that has closed gracefully is owed that the application gets every byte, however long it takes to read them.
    /// </summary>
    /// <returns>What is to become of the tunnel.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<DrainOutcome> DrainAsync(ITunnelPair pair, bool isClosedByClient, CancellationToken cancellationToken)
    {
        Task<bool> drained = pair.DrainAsync(cancellationToken);
        if (isClosedByClient)
        {
            await Task.WhenAny(drained, pair.Completion).WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        try
        {
            bool isReusable = await drained.WaitAsync(options.DrainTimeout, options.Time, cancellationToken).ConfigureAwait(false);
            return pair.Completion is { IsCompletedSuccessfully: true, Result.Kind: PairEndKind.Unanswered } ? DrainOutcome.Unanswered
                : isReusable ? DrainOutcome.Drained
                : DrainOutcome.TunnelEnded;
        }
        catch (TimeoutException)
        {
            _ = EndBlockedPairsAsync(pair, drained, cancellationToken);
            return DrainOutcome.TimedOut;
        }
    }

    /// <summary>
    /// Ends the connections that share a tunnel with a pair which the pod has not read whole, and wait behind it: once the pod has ended a pair it reads no more of
    /// it. Until then its application may only be paused, and they wait for it.
    /// </summary>
    private async Task EndBlockedPairsAsync(ITunnelPair pair, Task<bool> drained, CancellationToken cancellationToken)
    {
        try
        {
            if (!pair.Completion.IsCompleted)
            {
                await Task.WhenAny(drained, pair.Completion).WaitAsync(cancellationToken).ConfigureAwait(false);
                await Task.WhenAny(drained, Task.Delay(options.DrainTimeout, options.Time, cancellationToken)).ConfigureAwait(false);
            }

            // With the tunnel all of its pairs have ended.
            while (!drained.IsCompleted && !cancellationToken.IsCancellationRequested && !pair.TryEndBlockedPairs())
            {
                await Task.WhenAny(drained, Task.Delay(options.DrainTimeout / ChecksPerDrain, options.Time, cancellationToken)).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The pool is going away.
        }
    }
}
