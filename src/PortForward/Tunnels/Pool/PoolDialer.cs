namespace PortForward.Tunnels.Pool;

/// <summary>A pool's dials: each ends with a tunnel or with a fault, whatever the dialer does.</summary>
/// <param name="dialer">Opens the tunnels.</param>
/// <param name="time">The clock.</param>
internal sealed class PoolDialer(ITunnelDialer dialer, TimeProvider time)
{
    /// <summary>Dials.</summary>
    /// <param name="limit">How long it may take.</param>
    /// <param name="stopped">Cancelled when the pool goes away.</param>
    /// <returns>The tunnel or why there is none; null if the pool went away meanwhile.</returns>
    public async Task<Attempt<ITunnel>?> DialAsync(TimeSpan limit, CancellationToken stopped)
    {
        using var timeout = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stopped);
        try
        {
            return await dialer.DialAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stopped.IsCancellationRequested)
        {
            return null;
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return new Attempt<ITunnel>(new TunnelFault(TunnelFaultKind.TimedOut, $"the server did not answer within {limit.TotalSeconds:0.#} s"));
        }
        catch (Exception e)
        {
            // A fault of the dialer itself: whoever waits for the tunnel is to see it.
            return new Attempt<ITunnel>(new TunnelFault(TunnelFaultKind.Unreachable, e.Message) { Cause = e });
        }
    }
}
