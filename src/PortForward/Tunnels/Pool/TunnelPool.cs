using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace PortForward.Tunnels.Pool;

/// <summary>
/// The tunnels to one pod. Each carries one busy connection at a time, because the protocol has no flow control: in a shared
/// tunnel one stalled peer stalls its neighbours. Idle tunnels are used again, and one is dialled ahead.
/// </summary>
/// <remarks>
/// Connections that find no idle tunnel wait in line, and for each of them a dial is under way, or a tunnel is expected back as others came back lately;
/// whichever tunnel comes first, dialled or given back, serves the first in line. At the limit they share tunnels that nothing holds up.
/// </remarks>
public sealed partial class TunnelPool : IAsyncDisposable
{
    /// <summary>How long connections share tunnels after a dial that failed, before one of them dials again, if the server does not ask for longer.</summary>
    private static readonly TimeSpan DialAgain = TimeSpan.FromSeconds(1);

    /// <summary>The longest that a tunnel which came back lets another one be expected, where a dial takes longer.</summary>
    private static readonly TimeSpan LongestExpectation = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How long it takes from one dial to the next while connections wait for tunnels to come back. (HTTP requests of 100 clients, each on a connection of its own, took 205 to 245
    /// dials in the first five seconds with one for each that waited, and 110 to 175 with this.)
    /// </summary>
    private static readonly TimeSpan DialPace = TimeSpan.FromMilliseconds(500);

    /// <summary>How long an idle tunnel has to answer after another one was lost. Until then it counts as one that lives.</summary>
    private static readonly TimeSpan LongestConfirmation = TimeSpan.FromSeconds(5);

    /// <summary>Less than this a timer takes for nothing.</summary>
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(1);

    /// <summary>How many looks at what a pair's neighbours wait for fit into the time that a pair may take to settle.</summary>
    private const int LooksPerSettling = 2;

    private readonly ITunnelDialer _dialer;
    private readonly TunnelPoolOptions _options;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Outlives its source, as connections may come after the pool was disposed.</summary>
    private readonly CancellationToken _stopped;
    private readonly ITimer _trimTimer;
    private readonly ITimer _probeTimer;

    /// <summary>Runs while dials are saved because tunnels come back as they did lately, which may not go on.</summary>
    private readonly ITimer _returnTimer;
    private readonly UnresponsiveProbe _probe;

    /// <summary>Guards the fields below it.</summary>
    private readonly Lock _gate = new();
    private readonly List<Member> _members = [];

    /// <summary>The members that nothing uses, the most recently used last: that one is the surest to be alive.</summary>
    private readonly List<Member> _idle = [];
    private readonly LinkedList<TaskCompletionSource<Acquired>> _line = [];

    /// <summary>Those who only want to know that a tunnel stands.</summary>
    private readonly List<TaskCompletionSource<TunnelFault?>> _preparing = [];
    private TaskCompletionSource _lookAgain = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _dialling;

    /// <summary>How long the last dial took that brought a tunnel, as the dialer has it: one that had begun before it was asked takes next to nothing.</summary>
    private TimeSpan _dialTime;

    /// <summary>From when on another dial is begun for those who wait for tunnels to come back, as a timestamp of the clock.</summary>
    private long _dialDueAt = long.MinValue;

    /// <summary>When tunnels came back, the earliest first, as timestamps of the clock.</summary>
    private readonly Queue<long> _returns = new();

    /// <summary>When to dial again for a connection that may share tunnels meanwhile, as a timestamp of the clock.</summary>
    private long _dialAgainAt = long.MinValue;
    private bool _toldSaturated;

    /// <summary>Whether a tunnel that had served has gone since a tunnel came when none was left.</summary>
    private bool _servedOneIsGone;
    private int _spares = 1;
    private bool _missedSinceTrim;
    private bool _disposed;

    /// <summary>Creates an empty pool.</summary>
    /// <param name="dialer">Opens the tunnels.</param>
    /// <param name="options">Limits; the defaults if null.</param>
    /// <param name="logger">For diagnostics; none if null.</param>
    /// <exception cref="ArgumentOutOfRangeException">There may be no tunnel at all.</exception>
    public TunnelPool(ITunnelDialer dialer, TunnelPoolOptions? options = null, ILogger? logger = null)
    {
        _dialer = dialer;
        _options = options ?? new TunnelPoolOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MaxTunnels, 1, nameof(options));
        _logger = logger ?? NullLogger.Instance;
        _stopped = _stopping.Token;
        _probe = new UnresponsiveProbe(_options.Time, _options.ProbeInterval);
        _returnTimer = _options.Time.CreateTimer(static pool => ((TunnelPool)pool!).Review(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _trimTimer = _options.Time.CreateTimer(static pool => ((TunnelPool)pool!).Trim(), this, _options.IdleTime, _options.IdleTime);
        _probeTimer = _options.Time.CreateTimer(static pool => _ = ((TunnelPool)pool!).ProbeAsync(), this, _options.ProbeInterval, _options.ProbeInterval);
    }

    /// <summary>The most initial data that <see cref="OpenPairAsync"/> takes, in bytes.</summary>
    public int MaxInitialData => _options.MaxInitialData;

    /// <summary>Completes when a server has accepted an upgrade while it is still being found out whether bytes get through; as <see cref="ITunnelDialer.Accepted"/>.</summary>
    public Task Accepted => _dialer.Accepted;

    /// <summary>How many pairs are open or not settled yet.</summary>
    public int BusyCount
    {
        get
        {
            lock (_gate)
            {
                return _members.Sum(member => member.Pairs);
            }
        }
    }

    /// <summary>Whether there is a tunnel that has not ended.</summary>
    public bool HasTunnel
    {
        get
        {
            lock (_gate)
            {
                return _members.Exists(member => member.Tunnel is { CanOpen: true } or { IsConnected: true });
            }
        }
    }

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

    /// <summary>Makes sure that a tunnel is established, so that what cannot work is known before anything listens.</summary>
    /// <returns>Null when one is, otherwise why none is.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<TunnelFault?> ConnectAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        TaskCompletionSource<TunnelFault?> waiter;
        lock (_gate)
        {
            if (_disposed)
            {
                return PoolClosed().Fault;
            }

            // One that is busy tells as much as one that is idle: with a limit of one tunnel there may be no other for hours.
            if (_members.Exists(member => member is { IsDoomed: false, IsDoubted: false, Tunnel: { CanOpen: true, IsUnresponsive: false, IsSilent: false } }))
            {
                return null;
            }

            waiter = new TaskCompletionSource<TunnelFault?>(TaskCreationOptions.RunContinuationsAsynchronously);
            _preparing.Add(waiter);
            DialForTheLine();
        }

        try
        {
            return await waiter.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                _preparing.Remove(waiter);
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
            Acquired acquired = await AcquireAsync(cancellationToken).ConfigureAwait(false);
            if (acquired.Member is not { } member)
            {
                return new Attempt<IStreamPair>(acquired.Fault!);
            }

            Attempt<IStreamPair> opened = await TryOpenAsync(member, port, initialData, cancellationToken).ConfigureAwait(false);
            if (opened.Fault is not { Kind: TunnelFaultKind.Lost } || acquired.IsFresh)
            {
                return opened;
            }
        }
    }

    /// <summary>Ends all tunnels, and with them the pairs that are still open.</summary>
    public async ValueTask DisposeAsync()
    {
        Member[] members;
        TaskCompletionSource<Acquired>[] line;
        TaskCompletionSource<TunnelFault?>[] preparing;
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            members = [.. _members];
            line = [.. _line];
            preparing = [.. _preparing];
            _members.Clear();
            _idle.Clear();
            _line.Clear();
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        await _returnTimer.DisposeAsync().ConfigureAwait(false);
        await _trimTimer.DisposeAsync().ConfigureAwait(false);
        await _probeTimer.DisposeAsync().ConfigureAwait(false);
        Tell(line, PoolClosed());
        Tell(preparing, PoolClosed().Fault);
        await Task.WhenAll(members.Select(member => member.Tunnel.DisposeAsync().AsTask())).ConfigureAwait(false);
        _stopping.Dispose();
    }

    /// <summary>Gets the use of a tunnel: an idle one, the next that comes, or a share of one.</summary>
    private async ValueTask<Acquired> AcquireAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        TaskCompletionSource<Acquired> waiter;
        lock (_gate)
        {
            if (_disposed)
            {
                return PoolClosed();
            }

            if (TakeIdle() is { } idle)
            {
                DialAhead();
                return new Acquired(idle);
            }

            waiter = new TaskCompletionSource<Acquired>(TaskCreationOptions.RunContinuationsAsynchronously);
            _toldSaturated &= _line.Count > 0;
            _line.AddLast(waiter);
            if (_line.Count > _dialling + ExpectedReturns())
            {
                _missedSinceTrim = true;
                _spares = Math.Min(_spares + 1, Math.Max(1, _options.MaxSpares));
            }

            DialForTheLine();
            DialAhead();
        }

        try
        {
            return await WaitOrShareAsync(waiter, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            if (!Withdraw(waiter) && (await waiter.Task.ConfigureAwait(false)).Member is { } unneeded)
            {
                Release(unneeded, isUsable: true);
            }

            throw;
        }
    }

    /// <summary>Waits in line; as long as no dial is allowed, looks for a tunnel to share.</summary>
    private async Task<Acquired> WaitOrShareAsync(TaskCompletionSource<Acquired> waiter, CancellationToken cancellationToken)
    {
        while (!waiter.Task.IsCompleted)
        {
            Member[] candidates = Shareable(waiter, out bool isExpected, out Task lookAgain);
            if (candidates.Length == 0 && isExpected)
            {
                // A dial of its own is under way, or tunnels keep coming back, or those to share are only just being dialled.
                await Task.WhenAny(waiter.Task, lookAgain, Task.Delay(_options.FlowTimeout, _options.Time, cancellationToken)).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                continue;
            }

            long began = _options.Time.GetTimestamp();
            if (await FirstFlowingAsync(candidates, waiter.Task, cancellationToken).ConfigureAwait(false) is { } flowing)
            {
                if (Withdraw(waiter))
                {
                    return new Acquired(flowing);
                }

                Release(flowing, isUsable: true);
                break;
            }

            if (waiter.Task.IsCompleted)
            {
                break;
            }

            TellSaturated(waiter);
            TimeSpan rest = _options.FlowTimeout - _options.Time.GetElapsedTime(began);
            if (rest > TimeSpan.Zero)
            {
                await Task.WhenAny(waiter.Task, lookAgain, Task.Delay(rest, _options.Time, cancellationToken)).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        return await waiter.Task.ConfigureAwait(false);
    }

    /// <summary>
    /// Says once, as long as connections wait, that all tunnels there may be are held up; not while one is being dialled, nor for a connection that is just being told
    /// why there is none.
    /// </summary>
    private void TellSaturated(TaskCompletionSource<Acquired> waiter)
    {
        lock (_gate)
        {
            if (_toldSaturated || _dialling > 0 || !_line.Contains(waiter))
            {
                return;
            }

            _toldSaturated = true;
        }

        LogSaturated(_options.MaxTunnels);
        _options.OnSaturated?.Invoke();
    }

    /// <summary>
    /// The tunnels that a connection in line may share, the least busy first; none as long as a dial or one that comes back may serve it. They serve the first in line,
    /// so that only those behind them share: if all looked at the numbers alone, all would.
    /// </summary>
    /// <param name="waiter">The connection.</param>
    /// <param name="isExpected">Whether there is such a dial or tunnel for anybody in line.</param>
    /// <param name="lookAgain">Completes when something has gone that was waited for, or may be shared now; not with time alone.</param>
    private Member[] Shareable(TaskCompletionSource<Acquired> waiter, out bool isExpected, out Task lookAgain)
    {
        lock (_gate)
        {
            DialForTheLine();
            int expected = _dialling + (MayDial() ? ExpectedReturns() : 0);
            isExpected = expected > 0;
            lookAgain = _lookAgain.Task;
            return _line.Take(expected).Contains(waiter) ? [] : [.. _members.Where(IsShareable).OrderBy(member => member.Pairs)];
        }
    }

    private static bool IsShareable(Member member) => member is { IsDoomed: false, IsDoubted: false, Tunnel.CanOpen: true };

    /// <summary>The first of the candidates that shows that nothing holds it up; it counts as used then.</summary>
    private async Task<Member?> FirstFlowingAsync(IReadOnlyList<Member> candidates, Task served, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(_options.FlowTimeout, _options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopped, limit.Token);
        Task<Member?>[] questions = [.. candidates.Select(async candidate =>
        {
            try
            {
                return await candidate.Tunnel.IsFlowingAsync(either.Token).ConfigureAwait(false) ? candidate : null;
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        })];
        try
        {
            // In the order of the load: all are asked at once, so waiting for the first costs no more than waiting for any.
            foreach (Task<Member?> question in questions)
            {
                await Task.WhenAny(question, served).ConfigureAwait(false);
                if (served.IsCompleted)
                {
                    return null;
                }

                if (await question.ConfigureAwait(false) is { } flowing && TryShare(flowing))
                {
                    return flowing;
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

    private bool TryShare(Member member)
    {
        lock (_gate)
        {
            if (_disposed || member.IsDoomed || !_members.Contains(member))
            {
                return false;
            }

            _idle.Remove(member);
            member.Pairs++;
            return true;
        }
    }

    /// <summary>Leaves the line. False if the waiter was served meanwhile.</summary>
    private bool Withdraw(TaskCompletionSource<Acquired> waiter)
    {
        lock (_gate)
        {
            return _line.Remove(waiter);
        }
    }

    private async ValueTask<Attempt<IStreamPair>> TryOpenAsync(Member member, int port, ReadOnlyMemory<byte> initialData, CancellationToken cancellationToken)
    {
        bool isOpen = false;
        try
        {
            Attempt<ITunnelPair> opened = await member.Tunnel.OpenPairAsync(port, initialData, cancellationToken).ConfigureAwait(false);
            isOpen = opened.Succeeded(out ITunnelPair? pair, out TunnelFault? fault);
            member.HasServed |= isOpen;
            return isOpen
                ? new Attempt<IStreamPair>(new PooledPair(pair!, (ended, wasLeft) => _ = ReleaseAsync(member, ended, wasLeft)))
                : new Attempt<IStreamPair>(fault!);
        }
        finally
        {
            if (!isOpen)
            {
                // It could not, or was interrupted and nobody knows in which state.
                Release(member, isUsable: false);
            }
        }
    }

    /// <summary>
    /// Takes a pair's tunnel back once the pod has taken all bytes that were sent; if that takes too long the tunnel is dropped.
    /// Until the pod has ended its side too, which takes up to a second, what it sends is thrown away and holds up nobody.
    /// A client that has gone in good order is owed that the application gets every byte, however long it takes to read them.
    /// </summary>
    private async Task ReleaseAsync(Member member, ITunnelPair pair, bool wasLeft)
    {
        Task<bool> givenUp = pair.DrainAsync(_stopped);
        try
        {
            if (wasLeft)
            {
                await Task.WhenAny(givenUp, pair.Completion).WaitAsync(_stopped).ConfigureAwait(false);
            }

            bool taken = await givenUp.WaitAsync(_options.SettleTimeout, _options.Time, _stopped).ConfigureAwait(false);
            Release(member, isUsable: taken, isReturn: true);
            if (pair.Completion is { IsCompletedSuccessfully: true, Result.Kind: PairEndKind.Unanswered })
            {
                LogUnanswered();
                DialIfNoneIsLeft();
            }
        }
        catch (TimeoutException)
        {
            LogNotSettled(_options.SettleTimeout.TotalSeconds);
            _ = FreeNeighboursAsync(pair, givenUp);
            Release(member, isUsable: false);
            DialIfNoneIsLeft();
        }
        catch (OperationCanceledException)
        {
            // The pool is going away, and takes all of its tunnels with it.
        }
    }

    /// <summary>Dials after the pool has dropped a tunnel itself: without any nobody would notice that the pod or the network has gone.</summary>
    private void DialIfNoneIsLeft()
    {
        lock (_gate)
        {
            if (_members.Count + _dialling == 0 && MayDial())
            {
                StartDial();
            }
        }
    }

    /// <summary>
    /// Ends the connections that share a tunnel with a pair which the pod has not taken whole, and wait behind it: once the pod has ended a pair it reads no more of
    /// it. Until then its application may only be paused, and they wait for it.
    /// </summary>
    private async Task FreeNeighboursAsync(ITunnelPair pair, Task<bool> givenUp)
    {
        try
        {
            if (!pair.Completion.IsCompleted)
            {
                await Task.WhenAny(givenUp, pair.Completion).WaitAsync(_stopped).ConfigureAwait(false);
                await Task.WhenAny(givenUp, Task.Delay(_options.SettleTimeout, _options.Time, _stopped)).ConfigureAwait(false);
            }

            // With the tunnel all of its pairs have ended.
            while (!givenUp.IsCompleted && !_stopped.IsCancellationRequested && !pair.TryEndBlockedPairs())
            {
                await Task.WhenAny(givenUp, Task.Delay(_options.SettleTimeout / LooksPerSettling, _options.Time, _stopped)).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The pool is going away.
        }
    }

    /// <summary>Ends one use of a tunnel. One that is not to be used again is dropped with its last use.</summary>
    /// <param name="member">The tunnel.</param>
    /// <param name="isUsable">Whether it may be used again.</param>
    /// <param name="isReturn">Whether it comes back from a connection that it has served.</param>
    private void Release(Member member, bool isUsable, bool isReturn = false)
    {
        ITunnel? dropped = null;
        lock (_gate)
        {
            member.Pairs--;
            member.IsDoomed |= !isUsable || !member.Tunnel.CanOpen;
            if (member.Pairs == 0)
            {
                if (member.IsDoomed)
                {
                    dropped = Remove(member);
                }
                else
                {
                    if (isReturn)
                    {
                        _returns.Enqueue(_options.Time.GetTimestamp());
                    }

                    Offer(member, isFresh: false);
                }
            }

            DialForTheLine();
        }

        Dispose(dropped);
    }

    /// <summary>Gives a free tunnel to the first in line, or keeps it. Called with the gate held.</summary>
    private void Offer(Member member, bool isFresh)
    {
        while (_line.First is { } first)
        {
            _line.RemoveFirst();
            member.Pairs++;
            if (first.Value.TrySetResult(new Acquired(member) { IsFresh = isFresh }))
            {
                return;
            }

            member.Pairs--;
        }

        member.IdleSince = _options.Time.GetTimestamp();
        _idle.Add(member);
    }

    /// <summary>Called with the gate held.</summary>
    private Member? TakeIdle()
    {
        while (_idle is [.., var last])
        {
            _idle.RemoveAt(_idle.Count - 1);
            if (last.Tunnel.CanOpen)
            {
                last.Pairs++;
                return last;
            }

            Dispose(Remove(last));
        }

        return null;
    }

    /// <summary>
    /// Sees to it that a tunnel is expected back or a dial is under way for each one in line, and a dial for those who prepare, as far as the limit allows. One more is begun
    /// from time to time as long as somebody waits: however fast tunnels come back, there are fewer than it takes then. Called with the gate held.
    /// </summary>
    private void DialForTheLine()
    {
        bool isWanted = _preparing.Count > 0 || (_line.Count > 0 && IsDialDue());
        int wanted = Math.Max(_line.Count - ExpectedReturns(), isWanted ? 1 : 0);
        while (_dialling < wanted && MayDial())
        {
            StartDial();
        }

        if (_line.Count > _dialling)
        {
            ReviewInTime();
        }
    }

    /// <summary>
    /// Sees to it that the next connection finds a tunnel that stands, once one has shown that the pod can be reached. As long as tunnels come back it takes
    /// but one, and not all the time; afterwards it is made up for. Called with the gate held.
    /// </summary>
    private void DialAhead()
    {
        int returns = ExpectedReturns();
        if (_members.Count == 0)
        {
            return;
        }

        if (returns > 0 && !IsDialDue())
        {
            ReviewInTime();
            return;
        }

        int wanted = Math.Min(returns > 0 ? 1 : _spares, _options.MaxSpares);
        int taken = Math.Max(0, _line.Count - returns);
        while (_idle.Count + _dialling - taken < wanted && MayDial())
        {
            StartDial();
        }
    }

    /// <summary>Whether the last dial was long ago, for those who could do without one for a while. Called with the gate held.</summary>
    private bool IsDialDue() => _options.Time.GetTimestamp() >= _dialDueAt;

    /// <summary>Whether there may be another dial: the limit allows it, and the server wants it or else nobody could be served. Called with the gate held.</summary>
    private bool MayDial() => HasRoom() && (_options.Time.GetTimestamp() >= _dialAgainAt || !_members.Exists(IsShareable));

    /// <summary>
    /// Whether the limit allows another tunnel. Those that only live on for the connections in them do not count: with a limit of one, nothing new would be served
    /// until the last of those has ended. Called with the gate held.
    /// </summary>
    private bool HasRoom() => !_disposed && _members.Count(member => !member.IsDoomed) + _dialling < _options.MaxTunnels;

    /// <summary>
    /// How many tunnels are expected back within the time of a dial: as many as came back within the last such time, though no more than are in use. Who waits for one of them
    /// is served as soon as by a dial if that goes on, or that much later if it does not, and the servers are spared a handshake. Called with the gate held.
    /// </summary>
    private int ExpectedReturns()
    {
        while (_returns.TryPeek(out long returned) && _options.Time.GetElapsedTime(returned) >= ReturnHorizon)
        {
            _returns.Dequeue();
        }

        return _returns.Count == 0 ? 0 : Math.Min(_returns.Count, _members.Count(static member => member.Pairs > 0 && IsShareable(member)));
    }

    /// <summary>Sees to it that the dials which are saved because tunnels come back are made up for as soon as fewer do. Called with the gate held.</summary>
    private void ReviewInTime()
    {
        if (_returns.TryPeek(out long oldest))
        {
            TimeSpan rest = ReturnHorizon - _options.Time.GetElapsedTime(oldest);
            _returnTimer.Change(rest > ShortestWait ? rest : ShortestWait, Timeout.InfiniteTimeSpan);
        }
    }

    private void Review()
    {
        lock (_gate)
        {
            DialForTheLine();
            DialAhead();
        }
    }

    /// <summary>For how long a tunnel that came back lets another one be expected.</summary>
    private TimeSpan ReturnHorizon => _dialTime < LongestExpectation ? _dialTime : LongestExpectation;

    private void StartDial()
    {
        _dialDueAt = _options.Time.After(DialPace);
        _dialling++;
        if (!HasRoom())
        {
            LookAgain(); // Those in line who wait for tunnels to come back may share them from now on.
        }

        _ = DialAsync();
    }

    private async Task DialAsync()
    {
        // The caller holds the gate.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        long started = _options.Time.GetTimestamp();
        Attempt<ITunnel> dial;
        using var limit = new CancellationTokenSource(_options.DialTimeout, _options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stopped);
        try
        {
            dial = await _dialer.DialAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
        {
            return;
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            dial = new Attempt<ITunnel>(new TunnelFault(TunnelFaultKind.TimedOut, $"the server did not answer within {_options.DialTimeout.TotalSeconds:0.#} s"));
        }
        catch (Exception e)
        {
            // A fault of the dialer itself: whoever waits for the tunnel is to see it.
            dial = new Attempt<ITunnel>(new TunnelFault(TunnelFaultKind.Unreachable, e.Message) { Cause = e });
        }

        if (dial.Succeeded(out ITunnel? tunnel, out TunnelFault? fault))
        {
            TimeSpan took = _options.Time.GetElapsedTime(started);
            LogDialled(took.TotalMilliseconds);
            Add(tunnel, took);
        }
        else
        {
            LogDialFailed(fault.Message);
            Fail(fault);
        }
    }

    private void Add(ITunnel tunnel, TimeSpan dialTime)
    {
        var member = new Member(tunnel);
        bool added;
        TaskCompletionSource<TunnelFault?>[] preparing = [];
        lock (_gate)
        {
            _dialling--;
            added = !_disposed;
            if (added)
            {
                _dialAgainAt = long.MinValue;
                _probe.Established();
                _dialTime = dialTime;
                _servedOneIsGone &= StandingCount() > 0;
                _members.Add(member);
                Offer(member, isFresh: true);
                if (_line.Count > _dialling && !MayDial())
                {
                    LookAgain(); // They may share it.
                }

                preparing = TakePreparing();
            }
        }

        if (added)
        {
            tunnel.OnSilence = OnSilence;
            Tell(preparing, null);
            _ = WatchAsync(member);
        }
        else
        {
            Dispose(tunnel);
        }
    }

    /// <summary>
    /// Tells those in line for whom no other dial is under way why there is no tunnel. While tunnels stand they may share them instead: a server that wants no
    /// more of them is a limit like ours.
    /// </summary>
    private void Fail(TunnelFault fault)
    {
        List<TaskCompletionSource<Acquired>> failed = [];
        TaskCompletionSource<TunnelFault?>[] preparing;
        bool nothingStands;
        lock (_gate)
        {
            _dialling--;
            LookAgain();
            if (_members.Exists(member => IsShareable(member) && !(IsAnswer(fault) && member.Tunnel.IsUnresponsive)))
            {
                TimeSpan wait = fault.RetryAfter is { } asked && asked > DialAgain ? asked : DialAgain;
                _dialAgainAt = _options.Time.After(wait);
            }
            else
            {
                while (_line.Count > _dialling && _line.First is { } first)
                {
                    _line.RemoveFirst();
                    failed.Add(first.Value);
                }
            }

            preparing = _dialling == 0 ? TakePreparing() : [];
            nothingStands = !_disposed && _dialling == 0 && _members.Count == 0;
        }

        Tell(failed, new Acquired(fault));
        Tell(preparing, fault);
        if (nothingStands && failed.Count == 0 && preparing.Length == 0)
        {
            _options.OnLost?.Invoke(default); // Nobody else would hear of it.
        }
    }

    /// <summary>Those who are to be told at once, so that nobody dials for them any more. Called with the gate held.</summary>
    private TaskCompletionSource<TunnelFault?>[] TakePreparing()
    {
        TaskCompletionSource<TunnelFault?>[] preparing = [.. _preparing];
        _preparing.Clear();
        return preparing;
    }

    /// <summary>Wakes those in line who wait for something that did not come. Called with the gate held.</summary>
    private void LookAgain()
    {
        _lookAgain.TrySetResult();
        _lookAgain = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private static void Tell<T>(IEnumerable<TaskCompletionSource<T>> waiters, T result)
    {
        foreach (TaskCompletionSource<T> waiter in waiters)
        {
            waiter.TrySetResult(result);
        }
    }

    /// <summary>Notices the end of a tunnel that the pool did not end itself.</summary>
    private async Task WatchAsync(Member member)
    {
        TunnelEnd end = await member.Tunnel.Completion.ConfigureAwait(false);
        TunnelLoss loss;
        lock (_gate)
        {
            // Whoever noticed first that it has ended has removed it already.
            Remove(member);
            if (_disposed || member.IsEndedHere)
            {
                return;
            }

            loss = Loss();
            if (end == TunnelEnd.Lost)
            {
                _returns.Clear();
                DoubtIdle();
            }

            DialForTheLine();
        }

        await member.Tunnel.DisposeAsync().ConfigureAwait(false);
        if (end == TunnelEnd.Lost)
        {
            LogLost(loss.Standing);
            _options.OnLost?.Invoke(loss);

            // If it stood for the silent ones until now, it does not any more.
            await ProbeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>
    /// What has ended one tunnel has often ended all of them, and what is sent into a dead one is lost: idle ones are used again only
    /// after a sign of life. Called with the gate held.
    /// </summary>
    private void DoubtIdle()
    {
        foreach (Member member in _idle)
        {
            member.Pairs++;
            member.IsDoubted = true;
            _ = ConfirmAsync(member);
        }

        _idle.Clear();
    }

    private async Task ConfirmAsync(Member member)
    {
        // The caller holds the gate.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        using var limit = new CancellationTokenSource(_options.ProbeInterval < LongestConfirmation ? _options.ProbeInterval : LongestConfirmation, _options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stopped);
        bool lives = false;
        try
        {
            lives = await member.Tunnel.PingAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // No sign of life, or the pool is going away.
        }

        TunnelLoss? loss;
        lock (_gate)
        {
            // In one: of several that are found dead at the same moment exactly one is the last.
            member.IsDoubted = false;
            bool isKnown = !_disposed && _members.Contains(member);
            Release(member, isUsable: lives);

            // One that ended by itself is counted where its end is noticed.
            loss = isKnown && !lives && member.IsEndedHere && StandingCount() == 0 ? Loss() : null;
        }

        if (loss is { } last)
        {
            _options.OnLost?.Invoke(last);
        }
    }

    /// <summary>Forgets a tunnel; null if it was not known any more. Called with the gate held.</summary>
    private ITunnel? Remove(Member member)
    {
        _idle.Remove(member);
        if (!_members.Remove(member))
        {
            return null;
        }

        _servedOneIsGone |= HasServed(member);
        member.IsDoomed = true;
        member.IsEndedHere = member.Tunnel.CanOpen;
        return member.Tunnel;
    }

    private static void Dispose(ITunnel? tunnel)
    {
        if (tunnel is not null)
        {
            // Elsewhere, since the caller may hold the gate.
            _ = Task.Run(() => tunnel.DisposeAsync().AsTask());
        }
    }

    /// <summary>Ends idle tunnels that have died, and those that were not needed for a while, except the spares.</summary>
    private void Trim()
    {
        lock (_gate)
        {
            _spares = _missedSinceTrim ? _spares : Math.Max(1, _spares / 2);
            _missedSinceTrim = false;
            int kept = 0;
            for (int i = _idle.Count - 1; i >= 0; i--)
            {
                Member member = _idle[i];
                bool superfluous = kept >= _spares && _options.Time.GetElapsedTime(member.IdleSince) >= _options.IdleTime;
                if (superfluous || !member.Tunnel.CanOpen)
                {
                    Dispose(Remove(member));
                }
                else
                {
                    kept++;
                }
            }
        }
    }

    /// <summary>A tunnel has fallen silent, or was for so long that it is dead if no other one can be had.</summary>
    private void OnSilence()
    {
        DropSuspects();
        _ = ProbeAsync();
    }

    /// <summary>
    /// Finds out whether silent tunnels with bytes on their way are dead or only held up by an application that does not read: if
    /// another tunnel to the pod lives, or can be had, so do they.
    /// </summary>
    private async Task ProbeAsync()
    {
        lock (_gate)
        {
            if (_disposed || !_probe.TryBegin(_members.Exists(member => member.Tunnel is { IsSilent: true } or { IsUnresponsive: true }), IsHeard()))
            {
                return;
            }
        }

        long started = _options.Time.GetTimestamp();
        using var limit = new CancellationTokenSource(_probe.Limit, _options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stopped);
        try
        {
            Attempt<ITunnel> dial = await _dialer.DialAsync(either.Token).ConfigureAwait(false);
            if (dial.Succeeded(out ITunnel? tunnel, out TunnelFault? fault))
            {
                bool isWanted;
                lock (_gate)
                {
                    // At the limit, or if it could not tell of its own death, it must go again.
                    isWanted = tunnel.IsConnected && HasRoom();
                    _dialling += isWanted ? 1 : 0;
                    _probe.End(fault: null);
                }

                if (isWanted)
                {
                    Add(tunnel, _options.Time.GetElapsedTime(started));
                }
                else
                {
                    Dispose(tunnel);
                }

                return;
            }

            EndProbe(IsAnswer(fault) ? null : fault);
        }
        catch (OperationCanceledException) when (!_stopped.IsCancellationRequested)
        {
            EndProbe(new TunnelFault(TunnelFaultKind.TimedOut, $"the server did not answer within {_probe.Limit.TotalSeconds:0.#} s"));
        }
        catch (OperationCanceledException)
        {
            // The pool is going away.
        }
        catch (Exception e)
        {
            // A fault of the dialer itself.
            EndProbe(new TunnelFault(TunnelFaultKind.Unreachable, e.Message) { Cause = e });
        }
    }

    /// <summary>
    /// Whether a tunnel is known to live, and so the pod. If it were dead too it would notice that by itself, in the same time, as it waits for the pod. Called with
    /// the gate held.
    /// </summary>
    private bool IsHeard() => _members.Exists(member => !member.IsDoubted && IsKnownToLive(member) && member.Tunnel.IsWaitingForPod);

    private void EndProbe(TunnelFault? fault)
    {
        lock (_gate)
        {
            _probe.End(fault);
        }

        DropSuspects();
    }

    /// <summary>Whether a living server refuses a tunnel for reasons of its own, which say nothing about those that stand.</summary>
    private static bool IsAnswer(TunnelFault fault) =>
        fault is { Kind: TunnelFaultKind.Refused, StatusCode: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.TooManyRequests };

    /// <summary>
    /// Ends the tunnels to a pod that does not exist any more, except those whose clients still have something to read: nothing else will
    /// come through them, and nobody may ever say so, since a network namespace that is removed takes its connections along silently.
    /// </summary>
    public void DropWaiting()
    {
        lock (_gate)
        {
            foreach (Member member in _members.Where(member => member.Tunnel.IsWaitingForPod).ToList())
            {
                Dispose(Remove(member));
            }
        }
    }

    /// <summary>Ends the silent tunnels whose time is up, if no other one can be had. It tells also of those that have ended by themselves while that was found out.</summary>
    private void DropSuspects()
    {
        Member[] suspects;
        TunnelLoss loss;
        string reason;
        lock (_gate)
        {
            if (_disposed || IsHeard() || _probe.Fault is not { } fault)
            {
                return;
            }

            reason = fault.Message;
            suspects = [.. _members.Where(member => member.Tunnel.IsUnresponsive)];
            foreach (Member suspect in suspects)
            {
                Remove(suspect);
            }

            if (suspects.Length == 0 && _members.Count > 0)
            {
                return;
            }

            loss = Loss();
            DialForTheLine();
        }

        LogSuspectsDropped(suspects.Length, reason);
        foreach (Member suspect in suspects)
        {
            Dispose(suspect.Tunnel);
        }

        _options.OnLost?.Invoke(suspects.Length > 0 ? loss with { HasServed = true } : loss);
    }

    /// <summary>
    /// What a loss means. Of tunnels that end together one that never served may be the first or the last that is noticed, so none of them counts alone.
    /// Called with the gate held, once the tunnel was removed.
    /// </summary>
    private TunnelLoss Loss()
    {
        int standing = StandingCount();
        return new TunnelLoss(standing, _servedOneIsGone || _members.Exists(HasServed)) { Fault = standing == 0 ? _probe.Fault : null };
    }

    private static bool HasServed(Member member) => member is { HasServed: true, Tunnel.HasReceived: true };

    /// <summary>How many tunnels are known to live. Called with the gate held.</summary>
    private int StandingCount() => _members.Count(IsKnownToLive);

    private static bool IsKnownToLive(Member member) => member.Tunnel is { IsConnected: true, IsUnresponsive: false, IsSilent: false };

    private static Acquired PoolClosed() =>
        new(new TunnelFault(TunnelFaultKind.Lost, "the tunnels to the pod were closed before the connection had one"));

    /// <summary>A tunnel of the pool; its fields are guarded by the pool's gate, unless they say otherwise.</summary>
    private sealed class Member(ITunnel tunnel)
    {
        public ITunnel Tunnel => tunnel;

        /// <summary>How many uses there are: pairs that are open or not settled yet.</summary>
        public int Pairs { get; set; }

        /// <summary>Whether it is not to be used again.</summary>
        public bool IsDoomed { get; set; }

        /// <summary>Whether a sign of life is waited for.</summary>
        public bool IsDoubted { get; set; }

        public long IdleSince { get; set; }

        /// <summary>Whether a pair was opened in it; it only ever becomes true, and is read after the end.</summary>
        public bool HasServed { get; set; }

        /// <summary>Whether it was alive when the pool gave it up.</summary>
        public bool IsEndedHere { get; set; }
    }

    /// <summary>The use of a tunnel, or why there is none.</summary>
    private readonly record struct Acquired
    {
        public Acquired(Member member) => Member = member;

        public Acquired(TunnelFault fault) => Fault = fault;

        public Member? Member { get; }

        public TunnelFault? Fault { get; }

        /// <summary>Whether the tunnel was dialled just now: if it is dead already, the next one would be too.</summary>
        public bool IsFresh { get; init; }
    }
}
