namespace PortForward.Tunnels;

/// <summary>
/// A dialer that begins its first dial before anybody asks for a tunnel: a pod that is known by name is dialled while it is being looked up. That saves a start
/// one round trip and costs nothing, since the look-up's connection serves the watch afterwards.
/// </summary>
internal sealed class HeadStartDialer : ITunnelDialer, IAsyncDisposable
{
    private readonly ITunnelDialer _dialer;
    private readonly CancellationTokenSource _unwanted = new();
    private Task<Attempt<ITunnel>>? _firstDial;

    /// <summary>Begins the first dial.</summary>
    /// <param name="dialer">Opens the tunnels.</param>
    public HeadStartDialer(ITunnelDialer dialer)
    {
        _dialer = dialer;
        CancellationToken unwanted = _unwanted.Token;
        _firstDial = Task.Run(() => dialer.DialAsync(unwanted), CancellationToken.None);
    }

    /// <inheritdoc/>
    public string Transport => _dialer.Transport;

    /// <summary>The first dial, as long as nobody has asked for a tunnel.</summary>
    internal Task FirstDial => _firstDial ?? Task.CompletedTask;

    /// <inheritdoc/>
    /// <remarks>
    /// The first call gets the first dial; every other call dials anew. So does the first call if that dial has timed out before: its limit began with the
    /// program, and a person may have been logging in meanwhile.
    /// </remarks>
    public async Task<Attempt<ITunnel>> DialAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _firstDial, null) is not { } first)
        {
            return await _dialer.DialAsync(cancellationToken).ConfigureAwait(false);
        }

        if (first is { IsCompletedSuccessfully: true, Result.Fault.Kind: TunnelFaultKind.TimedOut })
        {
            return await _dialer.DialAsync(cancellationToken).ConfigureAwait(false);
        }

        try
        {
            return await first.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await EndAsync(first).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Ends the first dial and its tunnel, unless somebody has asked for it. The dialer can still be used.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _firstDial, null) is { } first)
        {
            await EndAsync(first).ConfigureAwait(false);
        }
    }

    private async Task EndAsync(Task<Attempt<ITunnel>> first)
    {
        await _unwanted.CancelAsync().ConfigureAwait(false);
        try
        {
            if ((await first.ConfigureAwait(false)).Value is { } tunnel)
            {
                await tunnel.DisposeAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // It was cancelled here.
        }
    }
}
