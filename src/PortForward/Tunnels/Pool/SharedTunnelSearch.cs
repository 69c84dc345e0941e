namespace PortForward.Tunnels.Pool;

/// <summary>At the limit of tunnels: finds one to share that nothing blocks, the least busy first.</summary>
/// <param name="options">How long a tunnel may take to show that nothing blocks it, and the clock.</param>
internal sealed class SharedTunnelSearch(TunnelPoolOptions options)
{
    /// <summary>Probes the candidates, all at once.</summary>
    /// <param name="candidates">The tunnels, in the order of preference.</param>
    /// <param name="served">Completes when no tunnel is wanted any more.</param>
    /// <param name="tryTake">Takes a tunnel that nothing blocks; false if it cannot be had any more.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <returns>The first tunnel that was taken; null if there is none.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<PooledTunnel?> FindAsync(IReadOnlyList<PooledTunnel> candidates, Task served, Func<PooledTunnel, bool> tryTake, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.FlowTimeout, options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        Task<bool>[] probes = [.. candidates.Select(candidate => IsFlowingAsync(candidate, either.Token))];
        try
        {
            // Waiting for the first costs no more than waiting for any: the limit is the same for all.
            for (int i = 0; i < probes.Length; i++)
            {
                await Task.WhenAny(probes[i], served).ConfigureAwait(false);
                if (served.IsCompleted)
                {
                    return null;
                }

                if (await probes[i].ConfigureAwait(false) && tryTake(candidates[i]))
                {
                    return candidates[i];
                }
            }

            cancellationToken.ThrowIfCancellationRequested();
            return null;
        }
        finally
        {
            await either.CancelAsync().ConfigureAwait(false);
        }
    }

    private static async Task<bool> IsFlowingAsync(PooledTunnel candidate, CancellationToken untilLimit)
    {
        try
        {
            return await candidate.Tunnel.IsFlowingAsync(untilLimit).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
