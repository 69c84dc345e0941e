namespace PortForward.Tunnels.Pool;

/// <summary>
/// What has ended one tunnel has often ended all of them, and what is sent into a dead one is lost: after a loss, idle tunnels are used again only once they have
/// answered a ping.
/// </summary>
/// <param name="options">How often tunnels are pinged, and the clock.</param>
internal sealed class IdleValidation(TunnelPoolOptions options)
{
    /// <summary>How long an idle tunnel has to answer. Until then it counts as alive.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    /// <summary>Pings a tunnel. The caller may hold the lock.</summary>
    /// <returns>Whether it has answered in time; false also when the token was cancelled.</returns>
    public async Task<bool> AnswersAsync(ITunnel tunnel, CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        using var limit = new CancellationTokenSource(options.ProbeInterval < LongestWait ? options.ProbeInterval : LongestWait, options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await tunnel.PingAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
