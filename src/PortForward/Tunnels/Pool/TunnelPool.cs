using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace PortForward.Tunnels.Pool;

/// <summary>
/// The tunnels to one pod. Each carries one busy connection at a time, because the protocol has no flow control: in a shared tunnel one stalled peer stalls the
/// others. Idle tunnels are used again, and a minimum of them is dialled in advance.
/// </summary>
/// <remarks>
/// <para>The life of a tunnel:</para>
/// <list type="number">
/// <item>Dialled, because <see cref="DialPolicy"/> says so: for a waiter, in advance, or in place of the last one. No other place decides about dials, except that
/// <see cref="UnresponsiveProbe"/> dials one to find out about silent ones.</item>
/// <item>Established: it serves the first in the <see cref="WaitQueue"/>, or is idle in the <see cref="TunnelSet"/>.</item>
/// <item>Busy with a pair. At the limit connections share tunnels that nothing blocks: <see cref="SharedTunnelSearch"/>.</item>
/// <item>Returned once the pod has read everything (<see cref="PairReturn"/>), and idle again; or else draining: it gets no further connection, and ends with its
/// last one.</item>
/// <item>Validated by a ping after another tunnel was lost (<see cref="IdleValidation"/>), before it serves again.</item>
/// <item>Ended: by itself, pruned when it was idle for long, or dropped when it is silent and no other tunnel can be had.</item>
/// </list>
/// <para>The pool runs the tasks and calls back; the <see cref="PoolState"/> says what each event means. Every change happens under one lock and ends in
/// <see cref="Balance"/>.</para>
/// </remarks>
internal sealed partial class TunnelPool : IAsyncDisposable
{
    private readonly TunnelPoolOptions _options;
    private readonly ILogger _logger;
    private readonly ITunnelDialer _transport;
    private readonly PoolDialer _dialer;
    private readonly SharedTunnelSearch _sharedSearch;
    private readonly PairReturn _pairReturn;
    private readonly IdleValidation _validation;
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Outlives its source, as connections may come after the pool was disposed.</summary>
    private readonly CancellationToken _stopped;
    private readonly ITimer _pruneTimer;
    private readonly ITimer _probeTimer;

    /// <summary>Guards the state.</summary>
    private readonly Lock _gate = new();
    private readonly PoolState _state;

    /// <summary>Creates an empty pool.</summary>
    /// <param name="dialer">Opens the tunnels.</param>
    /// <param name="options">Limits; the defaults if null.</param>
    /// <param name="logger">For diagnostics; none if null.</param>
    /// <exception cref="ArgumentOutOfRangeException">There may be no tunnel at all.</exception>
    public TunnelPool(ITunnelDialer dialer, TunnelPoolOptions? options = null, ILogger? logger = null)
    {
        ArgumentNullException.ThrowIfNull(dialer);
        _options = options ?? new TunnelPoolOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MaxTunnels, 1, nameof(options));
        _logger = logger ?? NullLogger.Instance;
        _stopped = _stopping.Token;
        _transport = dialer;
        _dialer = new PoolDialer(dialer, _options.Time);
        _sharedSearch = new SharedTunnelSearch(_options);
        _pairReturn = new PairReturn(_options);
        _validation = new IdleValidation(_options);
        _state = new PoolState(_options);
        _pruneTimer = _options.Time.CreateTimer(static pool => ((TunnelPool)pool!).Prune(), this, _options.IdleTime / 9, _options.IdleTime / 9);
        _probeTimer = _options.Time.CreateTimer(static pool => _ = ((TunnelPool)pool!).ProbeAsync(), this, _options.ProbeInterval, _options.ProbeInterval);
    }

    /// <summary>The most initial data that <see cref="OpenPairAsync"/> takes, in bytes.</summary>
    public int MaxInitialData => _options.MaxInitialData;

    /// <summary>
    /// Completes when a server has accepted an upgrade while it is still being found out whether bytes get through; as <see cref="ITunnelDialer.Accepted"/>.
    /// </summary>
    public Task Accepted => _transport.Accepted;

    /// <summary>How many pairs are open or being drained.</summary>
    public int BusyCount => Locked(static state => state.Uses);

    /// <summary>Whether there is a tunnel that has not ended.</summary>
    public bool HasTunnel => Locked(static state => state.HasTunnel);

    /// <summary>How many established tunnels nothing uses.</summary>
    internal int IdleCount => Locked(static state => state.IdleCount);

    /// <summary>Says whether the pool gets further connections, and so whether its tunnels count in the budget.</summary>
    internal void SetServing(bool isServing)
    {
        lock (_gate)
        {
            if (_state.IsCounted != isServing)
            {
                _state.IsCounted = isServing;
            }
        }
    }

    /// <summary>Makes sure that a tunnel is established, so that what cannot work is known before anything listens.</summary>
    /// <returns>Null when one is, otherwise why none is.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<TunnelFault?> ConnectAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        TaskCompletionSource<TunnelFault?> told;
        lock (_gate)
        {
            if (_state.IsClosed)
            {
                return PoolState.ClosedFault();
            }

            if (_state.HasSoundTunnel)
            {
                return null;
            }

            told = _state.AddConnecting();
            Balance();
        }

        try
        {
            return await told.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                _state.RemoveConnecting(told);
            }
        }
    }

    /// <summary>Opens a pair to a port of the pod.</summary>
    /// <param name="port">The pod's port, 1 to 65535.</param>
    /// <param name="initialData">What the client has sent already, at most <see cref="MaxInitialData"/>; may be empty.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The pair, or why there is none.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<Attempt<IStreamPair>> OpenPairAsync(int port, ReadOnlyMemory<byte> initialData, CancellationToken cancellationToken)
    {
        while (true)
        {
            Attempt<TunnelUse> acquired = await AcquireAsync(cancellationToken).ConfigureAwait(false);
            if (!acquired.Succeeded(out TunnelUse use, out TunnelFault? fault))
            {
                return new Attempt<IStreamPair>(fault);
            }

            Attempt<IStreamPair> opened = await TryOpenAsync(use.Tunnel, port, initialData, cancellationToken).ConfigureAwait(false);
            if (opened.Fault is not { Kind: TunnelFaultKind.Lost } || use.IsFresh)
            {
                return opened;
            }
        }
    }

    /// <summary>Ends all tunnels, and with them the pairs that are still open.</summary>
    public async ValueTask DisposeAsync()
    {
        PooledTunnel[] tunnels;
        lock (_gate)
        {
            if (_state.IsClosed)
            {
                return;
            }

            tunnels = _state.Close();
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        await _pruneTimer.DisposeAsync().ConfigureAwait(false);
        await _probeTimer.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAll(tunnels.Select(tunnel => tunnel.Tunnel.DisposeAsync().AsTask())).ConfigureAwait(false);
        _stopping.Dispose();
    }

    /// <summary>
    /// Ends the tunnels to a pod that does not exist any more, except those whose clients still have something to read: nothing else will
    /// come through them, and nobody may ever say so, since a network namespace that is removed takes its connections along silently.
    /// </summary>
    public void DropWaiting()
    {
        lock (_gate)
        {
            _state.DropWaiting();
        }
    }

    /// <summary>Begins the dials that are due. Called with the gate held, at the end of every change.</summary>
    private void Balance(bool prewarm = false, bool replaceLast = false)
    {
        for (int dials = _state.Balance(prewarm, replaceLast); dials > 0; dials--)
        {
            _ = DialAsync();
        }
    }

    private T Locked<T>(Func<PoolState, T> read)
    {
        lock (_gate)
        {
            return read(_state);
        }
    }

    private void Prune()
    {
        lock (_gate)
        {
            _state.Prune();
        }
    }

    /// <summary>Gets the use of a tunnel: an idle one, the next that comes, or a share of one.</summary>
    private async ValueTask<Attempt<TunnelUse>> AcquireAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        WaitQueue.Waiter waiter;
        lock (_gate)
        {
            if (_state.IsClosed)
            {
                return new Attempt<TunnelUse>(PoolState.ClosedFault());
            }

            if (_state.TakeIdle() is { } idle)
            {
                Balance(prewarm: true);
                return new Attempt<TunnelUse>(new TunnelUse(idle));
            }

            waiter = _state.Enqueue();
            Balance(prewarm: true);
        }

        try
        {
            return await WaitOrShareAsync(waiter, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            if (!Locked(state => state.Withdraw(waiter)) && (await waiter.Served.ConfigureAwait(false)).Succeeded(out TunnelUse unneeded, out _))
            {
                Release(unneeded.Tunnel, isReusable: true);
            }

            throw;
        }
    }

    /// <summary>Waits for a tunnel; as long as no dial is allowed, looks for one to share.</summary>
    private async Task<Attempt<TunnelUse>> WaitOrShareAsync(WaitQueue.Waiter waiter, CancellationToken cancellationToken)
    {
        while (!waiter.Served.IsCompleted)
        {
            SharingChoice choice;
            lock (_gate)
            {
                Balance();
                choice = _state.ChoiceOf(waiter);
            }

            if (choice is { Candidates: [], IsDialling: true })
            {
                // A dial of its own is under way, or the tunnels to share are only just being dialled.
                await WaitAsync(waiter.Served, choice.Changed, _options.FlowTimeout, cancellationToken).ConfigureAwait(false);
                continue;
            }

            long began = _options.Time.GetTimestamp();
            PooledTunnel? shared = await _sharedSearch
                .FindAsync(choice.Candidates, waiter.Served, tunnel => Locked(state => state.TryShare(tunnel)), cancellationToken).ConfigureAwait(false);
            if (shared is not null)
            {
                if (Locked(state => state.Withdraw(waiter)))
                {
                    return new Attempt<TunnelUse>(new TunnelUse(shared));
                }

                Release(shared, isReusable: true);
                break;
            }

            if (waiter.Served.IsCompleted)
            {
                break;
            }

            TellIfSaturated(waiter);
            TimeSpan rest = _options.FlowTimeout - _options.Time.GetElapsedTime(began);
            if (rest > TimeSpan.Zero)
            {
                await WaitAsync(waiter.Served, choice.Changed, rest, cancellationToken).ConfigureAwait(false);
            }
        }

        return await waiter.Served.ConfigureAwait(false);
    }

    private async Task WaitAsync(Task one, Task other, TimeSpan limit, CancellationToken cancellationToken)
    {
        await Task.WhenAny(one, other, Task.Delay(limit, _options.Time, cancellationToken)).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
    }

    private void TellIfSaturated(WaitQueue.Waiter waiter)
    {
        if (Locked(state => state.BecomesSaturated(waiter)))
        {
            LogSaturated(_options.Limit);
            _options.OnSaturated?.Invoke();
        }
    }

    private async ValueTask<Attempt<IStreamPair>> TryOpenAsync(PooledTunnel tunnel, int port, ReadOnlyMemory<byte> initialData, CancellationToken cancellationToken)
    {
        bool isOpen = false;
        try
        {
            Attempt<ITunnelPair> opened = await tunnel.Tunnel.OpenPairAsync(port, initialData, cancellationToken).ConfigureAwait(false);
            if (!opened.Succeeded(out ITunnelPair? pair, out TunnelFault? fault))
            {
                return new Attempt<IStreamPair>(fault);
            }

            isOpen = true;
            tunnel.Opened();
            return new Attempt<IStreamPair>(new PooledPair(pair, (ended, isClosedByClient) => _ = ReturnAsync(tunnel, ended, isClosedByClient)));
        }
        finally
        {
            if (!isOpen)
            {
                // It could not, or was interrupted and nobody knows in which state.
                Release(tunnel, isReusable: false);
            }
        }
    }

    /// <summary>Takes a tunnel back once its pair is drained; if that takes too long the tunnel is dropped.</summary>
    private async Task ReturnAsync(PooledTunnel tunnel, ITunnelPair pair, bool isClosedByClient)
    {
        DrainOutcome outcome;
        try
        {
            outcome = await _pairReturn.DrainAsync(pair, isClosedByClient, _stopped).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return; // The pool is going away, and takes all of its tunnels with it.
        }

        bool isAbandoned = outcome is DrainOutcome.Unanswered or DrainOutcome.TimedOut;
        if (isAbandoned)
        {
            LogNotReturned(outcome);
        }

        Release(tunnel, isReusable: outcome == DrainOutcome.Drained, replaceLast: isAbandoned);
    }

    private void Release(PooledTunnel tunnel, bool isReusable, bool replaceLast = false)
    {
        lock (_gate)
        {
            _state.Release(tunnel, isReusable);
            Balance(replaceLast: replaceLast);
        }
    }

    private async Task DialAsync()
    {
        // The caller holds the gate.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        long started = _options.Time.GetTimestamp();
        if (await _dialer.DialAsync(_options.DialTimeout, _stopped).ConfigureAwait(false) is not { } dial)
        {
            return;
        }

        if (dial.Succeeded(out ITunnel? tunnel, out TunnelFault? fault))
        {
            LogDialled(_options.Time.GetElapsedTime(started).TotalMilliseconds);
            Add(tunnel);
        }
        else
        {
            LogDialFailed(fault.Message);
            Fail(fault);
        }
    }

    private void Add(ITunnel established)
    {
        var tunnel = new PooledTunnel(established);
        lock (_gate)
        {
            if (_state.IsClosed)
            {
                tunnel.End();
                return;
            }

            Balance(prewarm: _state.Established(tunnel));
        }

        established.OnSilence = OnSilence;
        _ = WatchAsync(tunnel);
    }

    private void Fail(TunnelFault fault)
    {
        bool nobodyWasTold;
        lock (_gate)
        {
            nobodyWasTold = _state.DialFailed(fault);
            Balance();
        }

        if (nobodyWasTold)
        {
            _options.OnLost?.Invoke(default);
        }
    }

    /// <summary>Notices the end of a tunnel that the pool did not end itself.</summary>
    private async Task WatchAsync(PooledTunnel tunnel)
    {
        TunnelEnd end = await tunnel.Tunnel.Completion.ConfigureAwait(false);
        TunnelLoss loss;
        lock (_gate)
        {
            if (_state.Ended(tunnel) is not { } lost)
            {
                return;
            }

            loss = lost;
            if (end == TunnelEnd.Lost)
            {
                Array.ForEach(_state.BeginValidation(), idle => _ = ValidateAsync(idle));
            }

            Balance();
        }

        await tunnel.Tunnel.DisposeAsync().ConfigureAwait(false);
        if (end == TunnelEnd.Lost)
        {
            LogLost(loss.Alive);
            _options.OnLost?.Invoke(loss);

            // If it spoke for the silent ones until now, it does not any more.
            await ProbeAsync().ConfigureAwait(false);
        }
    }

    private async Task ValidateAsync(PooledTunnel tunnel)
    {
        bool answers = await _validation.AnswersAsync(tunnel.Tunnel, _stopped).ConfigureAwait(false);
        TunnelLoss? loss;
        lock (_gate)
        {
            // In one step: of several that are found dead at the same moment exactly one is the last.
            loss = _state.EndValidation(tunnel, answers);
            Balance();
        }

        if (loss is { } last)
        {
            _options.OnLost?.Invoke(last);
        }
    }

    /// <summary>A tunnel has fallen silent, or was for so long that it is dead if no other one can be had.</summary>
    private void OnSilence()
    {
        DropUnresponsive();
        _ = ProbeAsync();
    }

    /// <summary>
    /// Finds out whether silent tunnels with bytes on their way are dead or only blocked by an application that does not read: if another tunnel to the pod lives, or can
    /// be had, they are not dead.
    /// </summary>
    private async Task ProbeAsync()
    {
        if (!Locked(static state => state.TryBeginProbe()))
        {
            return;
        }

        if (await _dialer.DialAsync(_state.ProbeLimit, _stopped).ConfigureAwait(false) is not { } dial)
        {
            return;
        }

        if (!dial.Succeeded(out ITunnel? tunnel, out TunnelFault? fault))
        {
            lock (_gate)
            {
                _state.ProbeFailed(fault);
            }

            DropUnresponsive();
            return;
        }

        if (Locked(state => state.ProbeSucceeded(tunnel)))
        {
            Add(tunnel);
        }
        else
        {
            await tunnel.DisposeAsync().ConfigureAwait(false);
        }
    }

    private void DropUnresponsive()
    {
        TunnelLoss loss;
        TunnelFault? fault;
        int count;
        lock (_gate)
        {
            if (_state.DropUnresponsive(out fault, out count) is not { } lost)
            {
                return;
            }

            loss = lost;
            Balance();
        }

        LogUnresponsiveDropped(count, fault!.Message);
        _options.OnLost?.Invoke(loss);
    }
}
