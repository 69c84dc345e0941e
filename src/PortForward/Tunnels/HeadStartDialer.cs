namespace PortForward.Tunnels;

/// <summary>
/// A dialer whose first tunnel is on its way before anybody knows whether it will be wanted: a pod that is known by name is dialled while it is
/// being looked up. That saves a start one round trip and costs nothing, since the look-up's connection serves the watch afterwards.
/// </summary>
public sealed class HeadStartDialer : ITunnelDialer, IAsyncDisposable
{
    private readonly ITunnelDialer _dialer;
    private readonly CancellationTokenSource _unwanted = new();
    private Task<Attempt<ITunnel>>? _ahead;

    /// <summary>Begins the first dial.</summary>
    /// <param name="dialer">Opens the tunnels.</param>
    public HeadStartDialer(ITunnelDialer dialer)
    {
        _dialer = dialer;
        CancellationToken unwanted = _unwanted.Token;
        _ahead = Task.Run(() => dialer.DialAsync(unwanted), CancellationToken.None);
    }

    /// <inheritdoc/>
    public string Transport => _dialer.Transport;

    /// <summary>The dial that was begun ahead, as long as nobody has asked for it.</summary>
    internal Task BegunAhead => _ahead ?? Task.CompletedTask;

    /// <inheritdoc/>
    /// <remarks>
    /// The first call gets the dial that was begun ahead; every other one dials. So does the first if that dial had run out of time before anybody asked for it: its
    /// limit began with the program, and a person may have been logging in meanwhile.
    /// </remarks>
    public async Task<Attempt<ITunnel>> DialAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _ahead, null) is not { } ahead)
        {
            return await _dialer.DialAsync(cancellationToken).ConfigureAwait(false);
        }

        if (ahead is { IsCompletedSuccessfully: true, Result.Fault.Kind: TunnelFaultKind.TimedOut })
        {
            return await _dialer.DialAsync(cancellationToken).ConfigureAwait(false);
        }

        try
        {
            return await ahead.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await EndAsync(ahead).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Ends the dial that was begun ahead, and the tunnel it led to, unless it was asked for. The dialer can be used on.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _ahead, null) is { } ahead)
        {
            await EndAsync(ahead).ConfigureAwait(false);
        }
    }

    private async Task EndAsync(Task<Attempt<ITunnel>> ahead)
    {
        await _unwanted.CancelAsync().ConfigureAwait(false);
        try
        {
            if ((await ahead.ConfigureAwait(false)).Value is { } tunnel)
            {
                await tunnel.DisposeAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // As was asked for.
        }
    }
}
