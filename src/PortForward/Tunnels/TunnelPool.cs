using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace PortForward.Tunnels;

/// <summary>
/// The tunnels to one pod. Each carries one busy connection at a time, because the protocol has no flow control: in a shared
/// tunnel one stalled peer stalls its neighbours. Idle tunnels are used again.
/// </summary>
public sealed partial class TunnelPool : ITunnelSource
{
    private readonly ITunnelDialer _dialer;
    private readonly TunnelPoolOptions _options;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Outlives its source, as connections may come after the pool was disposed.</summary>
    private readonly CancellationToken _stopped;
    private readonly ITimer _trimTimer;

    /// <summary>Guards the fields below it.</summary>
    private readonly Lock _gate = new();

    /// <summary>The tunnels that nothing uses, the most recently used last: that one is the surest to be alive.</summary>
    private readonly List<(ITunnel Tunnel, long Since)> _idle = [];
    private readonly HashSet<ITunnel> _all = [];
    private bool _disposed;

    /// <summary>Creates an empty pool.</summary>
    /// <param name="dialer">Opens the tunnels.</param>
    /// <param name="options">Limits; the defaults if null.</param>
    /// <param name="logger">For diagnostics; none if null.</param>
    public TunnelPool(ITunnelDialer dialer, TunnelPoolOptions? options = null, ILogger? logger = null)
    {
        _dialer = dialer;
        _options = options ?? new TunnelPoolOptions();
        _logger = logger ?? NullLogger.Instance;
        _stopped = _stopping.Token;
        _trimTimer = _options.Time.CreateTimer(static pool => _ = ((TunnelPool)pool!).TrimAsync(), this, _options.IdleTime, _options.IdleTime);
    }

    /// <inheritdoc/>
    public int MaxFirstBytes => _options.MaxFirstBytes;

    /// <summary>How many tunnels stand that nothing uses.</summary>
    internal int IdleCount
    {
        get
        {
            lock (_gate)
            {
                return _idle.Count;
            }
        }
    }

    /// <inheritdoc/>
    public async Task<TunnelFault?> PrepareAsync(CancellationToken cancellationToken)
    {
        if (TakeIdle() is { } idle)
        {
            await PutBackAsync(idle).ConfigureAwait(false);
            return null;
        }

        TunnelDialResult dial = await DialAsync(cancellationToken).ConfigureAwait(false);
        if (dial.Succeeded(out ITunnel? tunnel, out TunnelFault? fault))
        {
            await PutBackAsync(tunnel).ConfigureAwait(false);
        }

        return fault;
    }

    /// <inheritdoc/>
    public async ValueTask<OpenPairResult> OpenPairAsync(int port, ReadOnlyMemory<byte> firstBytes, CancellationToken cancellationToken)
    {
        while (TakeIdle() is { } idle)
        {
            if (await TryOpenAsync(idle, port, firstBytes, cancellationToken).ConfigureAwait(false) is { } pair)
            {
                return new OpenPairResult(pair);
            }
        }

        TunnelDialResult dial = await DialAsync(cancellationToken).ConfigureAwait(false);
        if (!dial.Succeeded(out ITunnel? fresh, out TunnelFault? fault))
        {
            return new OpenPairResult(fault);
        }

        return await TryOpenAsync(fresh, port, firstBytes, cancellationToken).ConfigureAwait(false) is { } first
            ? new OpenPairResult(first)
            : new OpenPairResult(new TunnelFault(TunnelFaultKind.Lost, "the tunnel to the pod ended as soon as it was opened"));
    }

    /// <summary>Ends all tunnels, and with them the pairs that are still open.</summary>
    public async ValueTask DisposeAsync()
    {
        ITunnel[] tunnels;
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            tunnels = [.. _all];
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        await _trimTimer.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAll(tunnels.Select(tunnel => DropAsync(tunnel))).ConfigureAwait(false);
        _stopping.Dispose();
    }

    /// <summary>Takes a pair's tunnel back once the pod has ended the pair and taken what was sent; if that takes too long the tunnel is dropped.</summary>
    internal async Task ReleaseAsync(ITunnel tunnel, IStreamPair pair)
    {
        try
        {
            await GiveUpAsync(pair, _stopped).WaitAsync(_options.SettleTimeout, _options.Time, _stopped).ConfigureAwait(false);
            await PutBackAsync(tunnel).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            LogNotSettled(_options.SettleTimeout.TotalSeconds);
            await DropAsync(tunnel).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The pool is going away, and takes all of its tunnels with it.
        }
    }

    private static async Task GiveUpAsync(IStreamPair pair, CancellationToken cancellationToken)
    {
        await pair.DisposeAsync().ConfigureAwait(false);
        await pair.Settled.ConfigureAwait(false);
        await pair.ConfirmTakenAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<TunnelDialResult> DialAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopped);
        long started = _options.Time.GetTimestamp();
        TunnelDialResult dial;
        try
        {
            dial = await _dialer.DialAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stopped.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return PoolClosed();
        }

        if (!dial.Succeeded(out ITunnel? tunnel, out TunnelFault? fault))
        {
            LogDialFailed(fault.Message);
            return dial;
        }

        bool disposed;
        lock (_gate)
        {
            disposed = _disposed;
            if (!disposed)
            {
                _all.Add(tunnel);
            }
        }

        if (disposed)
        {
            await tunnel.DisposeAsync().ConfigureAwait(false);
            return PoolClosed();
        }

        LogDialled(_options.Time.GetElapsedTime(started).TotalMilliseconds);
        return dial;
    }

    private static TunnelDialResult PoolClosed() =>
        new(new TunnelFault(TunnelFaultKind.Lost, "the tunnels to the pod were closed before the connection had one"));

    private async ValueTask<IStreamPair?> TryOpenAsync(ITunnel tunnel, int port, ReadOnlyMemory<byte> firstBytes, CancellationToken cancellationToken)
    {
        IStreamPair? pair = null;
        try
        {
            pair = await tunnel.OpenPairAsync(port, firstBytes, cancellationToken).ConfigureAwait(false);
            return pair is null ? null : new PooledPair(this, tunnel, pair);
        }
        finally
        {
            if (pair is null)
            {
                await DropAsync(tunnel).ConfigureAwait(false);
            }
        }
    }

    private ITunnel? TakeIdle()
    {
        lock (_gate)
        {
            for (int last = _idle.Count - 1; last >= 0; last--)
            {
                ITunnel tunnel = _idle[last].Tunnel;
                _idle.RemoveAt(last);
                if (tunnel.CanOpen)
                {
                    return tunnel;
                }

                _ = DropAsync(tunnel);
            }
        }

        return null;
    }

    private async Task PutBackAsync(ITunnel tunnel)
    {
        lock (_gate)
        {
            if (!_disposed && tunnel.CanOpen)
            {
                _idle.Add((tunnel, _options.Time.GetTimestamp()));
                return;
            }
        }

        await DropAsync(tunnel).ConfigureAwait(false);
    }

    private async Task DropAsync(ITunnel tunnel)
    {
        lock (_gate)
        {
            _all.Remove(tunnel);
        }

        await tunnel.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Ends idle tunnels that have died, and those that were not needed for a while, except the one used last.</summary>
    private async Task TrimAsync()
    {
        List<ITunnel> superfluous = [];
        lock (_gate)
        {
            for (int i = _idle.Count - 1; i >= 0; i--)
            {
                (ITunnel tunnel, long since) = _idle[i];
                bool spare = i < _idle.Count - 1 && _options.Time.GetElapsedTime(since) >= _options.IdleTime;
                if (spare || !tunnel.CanOpen)
                {
                    _idle.RemoveAt(i);
                    superfluous.Add(tunnel);
                }
            }
        }

        foreach (ITunnel tunnel in superfluous)
        {
            await DropAsync(tunnel).ConfigureAwait(false);
        }
    }
}
