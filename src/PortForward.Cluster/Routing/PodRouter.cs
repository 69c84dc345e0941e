using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;
using PortForward.IO;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Cluster.Routing;

/// <summary>
/// Leads connections to the pod that serves the target now: follows the target from pod to pod, reconnects, and holds connections
/// up while there is none. Each pod has tunnels of its own, and keeps them until its last connection has ended.
/// </summary>
/// <remarks>
/// One loop makes all decisions, woken by the watch on the pods, by tunnels that end, by dials, and by the clock. Connections only ask
/// for its latest decision.
/// </remarks>
public sealed partial class PodRouter : ITunnelSource
{
    /// <summary>How long a reconnect may take before anybody is told: load balancers cut idle connections all the time.</summary>
    private static readonly TimeSpan ReconnectGrace = TimeSpan.FromSeconds(2);

    /// <summary>How long the watch may take to tell what a pod's runtime knows already.</summary>
    private static readonly TimeSpan NewsDelay = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan DefaultReconnectTimeout = TimeSpan.FromMinutes(5);

    /// <summary>How often a target without pods is read again, and pods that are not used any more are looked after.</summary>
    private static readonly TimeSpan Housekeeping = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How often a service is read again, which may lead to other pods or ports any time, and a stateful set, which may move to another revision. Only pods are
    /// watched, since a missing right to watch services must not take anything away.
    /// </summary>
    private static readonly TimeSpan TargetRefresh = TimeSpan.FromSeconds(15);

    private readonly ResolvedTarget _first;
    private readonly Func<string, ITunnelDialer> _createDialer;
    private readonly PodRouterOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly PodWatch _watch;
    private readonly bool _acceptsUnready;
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationToken _stopped;
    private readonly TaskCompletionSource<TunnelFault> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Lets the loop decide anew.</summary>
    private readonly AsyncSignal _newFacts = new();

    /// <summary>Lets connections that wait for a pod ask again for one.</summary>
    private readonly AsyncSignal _newDecision = new();

    /// <summary>Guards the fields below it.</summary>
    private readonly Lock _gate = new();
    private readonly List<PodRoute> _routes = [];
    private readonly Queue<ForwardEvent> _events = new();

    /// <summary>Where new connections go: one pod, or several when they are balanced. Empty while the target is lost.</summary>
    private List<PodRoute> _serving = [];
    private long? _lostSince;
    private long? _goneSince;
    private long? _unreadySince;
    private long _housekeptAt;
    private long _refreshedAt;
    private int _lostReads;
    private TargetObject _translated;
    private int _turn;
    private bool _disposed;
    private Task _loop = Task.CompletedTask;
    private Task _watching = Task.CompletedTask;
    private Task _refreshing = Task.CompletedTask;

    /// <summary>Creates a router that begins with the pod that was found.</summary>
    /// <param name="api">For the watch on the pods.</param>
    /// <param name="target">The target, resolved.</param>
    /// <param name="createDialer">Makes the dialer for a pod of the given name.</param>
    /// <param name="options">How the target is followed; the defaults if null.</param>
    /// <param name="logger">For diagnostics; none if null.</param>
    public PodRouter(ApiClient api, ResolvedTarget target, Func<string, ITunnelDialer> createDialer, PodRouterOptions? options = null, ILogger? logger = null)
    {
        _first = target;
        _translated = target.Object;
        _createDialer = createDialer;
        _options = options ?? new PodRouterOptions();
        _time = _options.Time;
        _logger = logger ?? NullLogger.Instance;
        _watch = new PodWatch(api, target.Object, _time, logger);
        _acceptsUnready = !PodFacts.IsReady(target.Pod);
        _stopped = _stopping.Token;
        _housekeptAt = _refreshedAt = _time.GetTimestamp();
        PodRoute first = AddRoute(target.Pod);
        first.Ports = [.. target.Ports.Select(port => new PodPort(port.PodPort, Reason: null))];
        _serving = [first];
    }

    /// <inheritdoc/>
    public int MaxInitialData => _options.Tunnels.MaxInitialData;

    /// <inheritdoc/>
    public Task<TunnelFault> Completion => _lost.Task;

    /// <summary>How many pods of the target are known.</summary>
    internal int KnownPodCount => _watch.Pods?.Count ?? 0;

    /// <inheritdoc/>
    /// <remarks>
    /// Once the server has accepted a tunnel to the first pod, the target is followed. Whether that tunnel carries bytes is found out in one more round
    /// trip, which connections wait for; if no transport does, the router is lost.
    /// </remarks>
    public async Task<TunnelFault?> ConnectAsync(CancellationToken cancellationToken)
    {
        PodRoute first;
        lock (_gate)
        {
            first = _serving[0];
            first.IsConnecting = true;
            first.Reach.Stand();
        }

        Task<TunnelFault?> preparing = first.Pool.ConnectAsync(cancellationToken);
        if (await Task.WhenAny(preparing, first.Pool.Accepted).ConfigureAwait(false) == preparing && await preparing.ConfigureAwait(false) is { } fault)
        {
            return fault;
        }

        _watching = EndIfItFailsAsync(_watch.RunAsync(_newFacts.Signal, _stopped));
        _loop = EndIfItFailsAsync(Task.Run(DecideAsync, CancellationToken.None));
        _ = EndIfNothingGetsThroughAsync(first, preparing);
        return null;
    }

    private async Task EndIfNothingGetsThroughAsync(PodRoute first, Task<TunnelFault?> preparing)
    {
        try
        {
            TunnelFault? fault = await preparing.ConfigureAwait(false);
            lock (_gate)
            {
                first.IsConnecting = false;
                if (fault is not null)
                {
                    _lost.TrySetResult(fault);
                }
            }

            _newDecision.Signal();
            _newFacts.Signal();
        }
        catch (OperationCanceledException)
        {
            // The forward was stopped.
        }
    }

    /// <inheritdoc/>
    public async ValueTask<Attempt<RoutedPair>> OpenPairAsync(PairRequest request, CancellationToken cancellationToken)
    {
        long began = _time.GetTimestamp();
        IReadOnlyCollection<string> avoided = request.AvoidedPods ?? [];
        Attempt<RoutedPair>? failed = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            TimeSpan rest = _options.HoldTimeout - _time.GetElapsedTime(began);
            if (rest <= TimeSpan.Zero && failed is not null)
            {
                return failed.Value;
            }

            // A pod that is said to be gone and is still there after a while runs in another sandbox now.
            TimeSpan untilNews = NewsDelay - _time.GetElapsedTime(began);
            bool awaitsNews = request.PodIsGone && untilNews > TimeSpan.Zero;
            if (request.PodIsGone && !awaitsNews)
            {
                avoided = [];
            }

            PodRoute? route;
            Task decided;
            TimeSpan untilRetry;
            int port = 0;
            lock (_gate)
            {
                if (_lost.Task.IsCompletedSuccessfully || _disposed)
                {
                    return new Attempt<RoutedPair>(_disposed ? Ended() : _lost.Task.Result);
                }

                decided = _newDecision.Next;
                route = Choose(avoided, out bool mayCome, out untilRetry);
                if (route is null && !mayCome && !awaitsNews)
                {
                    return new Attempt<RoutedPair>(new TunnelFault(TunnelFaultKind.NoOtherPod, "there is no other pod to try"));
                }

                if (route is not null)
                {
                    if (route.Ports[request.PortIndex] is { Number: null } missing)
                    {
                        return new Attempt<RoutedPair>(new TunnelFault(TunnelFaultKind.NoPod, missing.Reason!));
                    }

                    port = route.Ports[request.PortIndex].Number!.Value;
                    route.Opening++;
                }
            }

            if (route is not null)
            {
                Attempt<RoutedPair> result = await OpenOnAsync(route, port, request, cancellationToken).ConfigureAwait(false);
                if (result.Fault is null || !IsPassing(result.Fault) || !_options.Reconnect)
                {
                    return result;
                }

                Suspect(route, result.Fault);
                failed = result;
                continue;
            }

            if (rest <= TimeSpan.Zero)
            {
                return new Attempt<RoutedPair>(new TunnelFault(TunnelFaultKind.NoPod, WhyNoPod()));
            }

            await WaitAsync(decided, Min(Min(rest, untilRetry), awaitsNews ? untilNews : rest), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Ends all tunnels, and with them the connections that are still open.</summary>
    public async ValueTask DisposeAsync()
    {
        PodRoute[] routes;
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            routes = [.. _routes];
            _routes.Clear();
            _serving = [];
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        _lost.TrySetResult(Ended());
        _newDecision.Signal();
        await Task.WhenAll(routes.Select(route => route.Pool.DisposeAsync().AsTask())).ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        await _watching.ConfigureAwait(false);
        await _refreshing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async ValueTask<Attempt<RoutedPair>> OpenOnAsync(PodRoute route, int port, PairRequest request, CancellationToken cancellationToken)
    {
        try
        {
            Attempt<IStreamPair> opened = await route.Pool.OpenPairAsync(port, request.InitialData, cancellationToken).ConfigureAwait(false);
            lock (_gate)
            {
                if (opened.Fault is null && route is { Reach.IsFailing: true, IsConnecting: false })
                {
                    Stand(route);
                }
            }

            return opened.Succeeded(out IStreamPair? pair, out TunnelFault? fault) ? new Attempt<RoutedPair>(new RoutedPair(pair, route.Uid)) : new Attempt<RoutedPair>(fault);
        }
        finally
        {
            lock (_gate)
            {
                route.Opening--;
            }
        }
    }

    /// <summary>The pod for a new connection. Called with the gate held.</summary>
    /// <param name="avoided">The pods that have failed the connection already.</param>
    /// <param name="mayCome">Whether it makes sense to wait if there is none.</param>
    /// <param name="untilRetry">When to look again for one, if nothing else makes one look before.</param>
    private PodRoute? Choose(IReadOnlyCollection<string> avoided, out bool mayCome, out TimeSpan untilRetry)
    {
        mayCome = true;
        untilRetry = TimeSpan.MaxValue;
        if (avoided.Count == 0)
        {
            return LeastBusy(_serving.FindAll(route => !route.Reach.IsFailing));
        }

        // Nobody but the connections themselves reaches for these pods, so those that have failed are tried again by them, in their time.
        Pod[] others = [.. (_watch.Pods ?? []).Where(pod => PodFacts.IsServing(pod) && !avoided.Contains(PodFacts.UidOf(pod), StringComparer.Ordinal))];
        Pod[] reachable = [.. others.Where(pod => UntilRetry(pod) == TimeSpan.Zero)];
        if (reachable.Length > 0)
        {
            return _options.Balance ? LeastBusy([.. reachable.Select(RouteTo)])
                : RouteTo(PodSelection.Later(reachable, PodRevisions.Among(_watch.Pods!, updateRevision: _watch.Target.UpdateRevision))!);
        }

        if (others.Length > 0)
        {
            untilRetry = others.Min(UntilRetry);
            return null;
        }

        // The one pod of a target that is on its way out has a successor soon; one that is there to stay has refused for good.
        mayCome = _options.Reconnect && _watch.Pods is { } pods && avoided.All(uid => pods.FirstOrDefault(pod => PodFacts.UidOf(pod) == uid) is not { } failed
            || PodFacts.IsTerminating(failed) || !PodFacts.IsRunning(failed));
        return null;
    }

    /// <summary>The least busy one; among equals each has its turn.</summary>
    private PodRoute? LeastBusy(List<PodRoute> routes)
    {
        if (routes.Count <= 1)
        {
            return routes.FirstOrDefault(); // How busy it is need not be counted.
        }

        _turn++;
        return routes.Select((route, index) => (Route: route, Turn: (index + _turn) % routes.Count))
            .OrderBy(choice => choice.Route.Load).ThenBy(choice => choice.Turn)
            .FirstOrDefault().Route;
    }

    /// <summary>How long to leave a pod alone that could not be reached; zero for one that could.</summary>
    private TimeSpan UntilRetry(Pod pod) =>
        _routes.Find(route => route.Uid == PodFacts.UidOf(pod))?.Reach.UntilRetry ?? TimeSpan.Zero;

    private async Task EndIfItFailsAsync(Task task)
    {
        try
        {
            await task.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
        {
            // The forward was stopped.
        }
        catch (Exception e)
        {
            // A fault of the router itself must not leave a forward behind that looks alive.
            _lost.TrySetException(e);
            _newDecision.Signal();
        }
    }

    private async Task DecideAsync()
    {
        while (!_stopped.IsCancellationRequested)
        {
            Task newFacts;
            TimeSpan rest;
            PodRoute[] due;
            lock (_gate)
            {
                newFacts = _newFacts.Next;
                Evaluate();
                due = [.. _serving.Where(route => _options.Reconnect && route is { Reach.IsFailing: true, IsConnecting: false } && route.Reach.UntilRetry == TimeSpan.Zero)];
                foreach (PodRoute route in due)
                {
                    route.IsConnecting = true;
                }

                rest = UntilNext();
            }

            EmitEvents();
            foreach (PodRoute route in due)
            {
                _ = ConnectAsync(route);
            }

            KeepHouse();
            await WaitAsync(newFacts, rest, _stopped).ConfigureAwait(false);
        }
    }

    /// <summary>Draws the consequences of what is known now. Called with the gate held.</summary>
    private void Evaluate()
    {
        TargetObject target = _watch.Target;
        if (!ReferenceEquals(target, _translated))
        {
            // A service that was read again may lead to other ports.
            _translated = target;
            foreach (PodRoute route in _routes)
            {
                route.Ports = route.Pod is { } pod ? Translate(pod) : route.Ports;
            }
        }

        if (_watch.Pods is { } pods && !_disposed)
        {
            foreach (PodRoute route in _routes)
            {
                route.Pod = pods.FirstOrDefault(pod => PodFacts.UidOf(pod) == route.Uid);
                route.GoneSince = route.Pod is null || PodFacts.IsOver(route.Pod) ? route.GoneSince ?? _time.GetTimestamp() : null;
                route.Looks = route.GoneSince is null ? 0 : route.Looks;
            }

            if (_options.Balance)
            {
                ServeAllReady(pods);
            }
            else
            {
                ServeOne(pods);
            }
        }

        if (_lostSince is null && OutOfReachSince() is { } since && _time.GetElapsedTime(since) >= ReconnectGrace)
        {
            LoseReach(_serving[0]);
        }

        GiveUpInTime();
    }

    /// <summary>Since when none of the pods in use can be reached, as a timestamp of the clock; null if one can. Called with the gate held.</summary>
    private long? OutOfReachSince() => _serving.Count > 0 && _serving.TrueForAll(route => route.Reach.IsFailing) ? _serving.Max(route => route.Reach.FailingSince) : null;

    private void ServeOne(IReadOnlyCollection<Pod> pods)
    {
        PodRoute? current = _serving.FirstOrDefault();
        bool isRefused = current?.Reach.IsRefused == true;
        if ((current?.IsHealthy == true && !isRefused) || (!_options.Reconnect && current is { } used && !used.IsDeletedOrOver(_watch.Target)))
        {
            _unreadySince = null;
            return;
        }

        // The server may know of a dead node only through those who cannot reach it. A pod that was refused too has its turn when its time has come.
        IEnumerable<Pod> candidates = isRefused ? pods.Where(pod => PodFacts.UidOf(pod) != current!.Uid && UntilRetry(pod) == TimeSpan.Zero) : pods;
        Pod? best = PodSelection.Later(candidates, PodRevisions.Among(pods, updateRevision: _watch.Target.UpdateRevision));
        bool isCurrent = best is not null && PodFacts.UidOf(best) == current?.Uid;
        if (best is null || isCurrent)
        {
            _unreadySince = null;
        }

        if (isCurrent)
        {
            return; // Not ready, or on its way out, but there is no better one.
        }

        bool currentRuns = current?.Pod is { } pod && PodFacts.IsRunning(pod) && !isRefused;
        if (best is not null && (_options.Reconnect || currentRuns) && IsGoodEnough(best, currentRuns))
        {
            string reason = current is null ? "" : RouteReasons.WhyLeft(current, _watch.Target);
            Serve([RouteTo(best)]);
            if (current is not null && _lostSince is null)
            {
                _events.Enqueue(new PodSwitched(current.Name, PodFacts.NameOf(best), reason));
            }
        }
        else if (current is not null && !currentRuns && !isRefused)
        {
            Lose(current, RouteReasons.WhyLeft(current, _watch.Target));
            Serve([]);
        }
    }

    /// <summary>Whether a pod is to be used now: a ready one always, another only for want of a better one, and after a while.</summary>
    private bool IsGoodEnough(Pod pod, bool currentRuns)
    {
        if (PodFacts.IsServing(pod))
        {
            return true;
        }

        if (currentRuns || PodFacts.IsTerminating(pod))
        {
            return false;
        }

        _unreadySince ??= _time.GetTimestamp();
        return _acceptsUnready || _time.GetElapsedTime(_unreadySince.Value) >= _options.UnreadyGrace;
    }

    private void ServeAllReady(IReadOnlyCollection<Pod> pods)
    {
        Pod[] ready = [.. pods.Where(PodFacts.IsServing)];
        if (ready.Length == 0)
        {
            // As long as nobody is ready, one that at least runs is better than none.
            if (_serving is not [{ Pod: { } only }] || !PodFacts.IsRunning(only))
            {
                _serving = [.. _serving.Take(1)];
                ServeOne(pods);
            }

            return;
        }

        _unreadySince = null;
        HashSet<string> before = [.. _serving.Select(route => route.Uid)];
        if (!before.SetEquals(ready.Select(PodFacts.UidOf)))
        {
            Serve([.. ready.Select(RouteTo)]);
            _events.Enqueue(new PodsServing([.. ready.Select(PodFacts.NameOf).Order(StringComparer.Ordinal)]));
        }
    }

    /// <summary>Sends new connections to other pods. While the target was lost they wait until a tunnel stands.</summary>
    private void Serve(List<PodRoute> routes)
    {
        foreach (PodRoute route in routes.Where(route => !_serving.Contains(route)))
        {
            if (_lostSince is not null)
            {
                route.Reach.AwaitFirst();
            }
        }

        _serving = routes;
        _unreadySince = null;
        _newDecision.Signal();
    }

    /// <summary>None of the pods in use can be reached. Called with the gate held.</summary>
    private void LoseReach(PodRoute route) => Lose(route, RouteReasons.WhyUnreachable(route.Name, route.Reach.Fault), RouteReasons.CauseOf(route.Name, route.Reach.Fault));

    private void Lose(PodRoute route, string reason, LossCause cause = LossCause.PodGone)
    {
        if (!_options.Reconnect)
        {
            _lost.TrySetResult(new TunnelFault(TunnelFaultKind.Lost, "lost connection to pod"));
            return;
        }

        if (_lostSince is null)
        {
            _lostSince = _time.GetTimestamp();

            // Another target does not make up for a server that is away.
            string? hint = cause == LossCause.ServerUnreachable ? null : RouteReasons.OwnerHint(_first);
            _events.Enqueue(new PodLost(route.Name, reason, hint) { Cause = cause });
        }
    }

    /// <summary>Opens a tunnel to a pod that has none, so that those who wait can go on.</summary>
    private async Task ConnectAsync(PodRoute route)
    {
        // The service may lead to other ports by now. An answer that does not come must not hold up the tunnel.
        Task refreshed = _watch.Target.Service is not null && route.Reach.IsFirst ? _watch.RefreshAsync(_stopped) : Task.CompletedTask;
        TunnelFault? fault;
        try
        {
            fault = await route.Pool.ConnectAsync(_stopped).ConfigureAwait(false);
            await WaitAsync(refreshed, NewsDelay, _stopped).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        lock (_gate)
        {
            route.IsConnecting = false;
            if (fault is null)
            {
                Stand(route);
            }
            else
            {
                Fail(route, fault);
            }
        }

        _newFacts.Signal();
    }

    /// <summary>A tunnel to the pod stands. Called with the gate held.</summary>
    private void Stand(PodRoute route)
    {
        if (route.Pod is { } pod)
        {
            route.Ports = Translate(pod);
        }

        route.Reach.Stand();
        if (!route.Pool.HasTunnel)
        {
            // It has ended before it was taken note of, when its end was that of an attempt and changed nothing.
            route.Reach.LoseTunnels(hasServed: false);
            _newFacts.Signal();
            return;
        }

        if (_lostSince is { } since && _serving.Contains(route))
        {
            _events.Enqueue(new PodBack(route.Name, _time.GetElapsedTime(since)));
            _lostSince = null;
            _lostReads = 0;
            _goneSince = null;
            _watch.Renew(); // It may still wait for a server that is back.
        }

        _newDecision.Signal();
    }

    /// <summary>A connection found that the pod cannot be reached: it and others wait until an attempt succeeds, the first one of which is made at once.</summary>
    private void Suspect(PodRoute route, TunnelFault fault)
    {
        lock (_gate)
        {
            if (!_serving.Contains(route))
            {
                Fail(route, fault);
            }
            else if (!route.Reach.IsFailing)
            {
                route.Reach.Suspect(fault);
            }
        }

        _newFacts.Signal();
        if (UpgradeRefusal.SaysPodIsGone(fault, route.Name))
        {
            _watch.Renew(); // The server knows more than was heard from it.
        }
    }

    /// <summary>An attempt to reach the pod has failed: the next one comes later. Called with the gate held.</summary>
    private void Fail(PodRoute route, TunnelFault fault)
    {
        route.Reach.Fail(fault);
        if (_serving.Contains(route) && _serving.TrueForAll(other => other.Reach.IsFailing))
        {
            LoseReach(route);
        }
    }

    /// <summary>Tunnels of a pod have ended by themselves; the last one's end is looked into at once, also while nothing is connected.</summary>
    private void OnTunnelsLost(PodRoute route, TunnelLoss loss)
    {
        lock (_gate)
        {
            if (loss.Standing > 0 || _disposed || !_serving.Contains(route))
            {
                return;
            }

            if (!route.Reach.IsFailing)
            {
                route.Reach.LoseTunnels(loss.HasServed);
            }

            if (loss.Fault is { } fault)
            {
                route.Reach.Explain(fault);
            }

            // That no other tunnel can be had is known already, or does not matter.
            if (OutOfReachSince() is not null && (loss.Fault is not null || !_options.Reconnect))
            {
                LoseReach(route);
            }

            if (!_options.Reconnect)
            {
                return;
            }
        }

        // What has ended the tunnels may have ended the watch too, without a word.
        _watch.Renew();
        _newFacts.Signal();
    }

    /// <summary>Ends the forward when the target has been lost for too long. Called with the gate held.</summary>
    private void GiveUpInTime()
    {
        if (_lostSince is not { } lostSince)
        {
            return;
        }

        _goneSince = _watch.Snapshot.IsGoneForGood ? _goneSince ?? _time.GetTimestamp() : null;
        (long? since, TimeSpan limit) = _options.ReconnectTimeout is { } set ? (lostSince, set) : (_goneSince, DefaultReconnectTimeout);
        if (since is { } start && _time.GetElapsedTime(start) >= limit)
        {
            PodRoute? serving = _serving.FirstOrDefault();
            string hint = RouteReasons.OwnerHint(_first) is { } owner ? $" ({owner})" : "";
            string missed = serving is { Reach.IsFailing: true } && RouteReasons.CauseOf(serving.Name, serving.Reach.Fault) == LossCause.ServerUnreachable
                ? $"and was not within {GoDuration.Format(limit)}"
                : $"and none came within {GoDuration.Format(limit)}{hint}";
            _lost.TrySetResult(new TunnelFault(TunnelFaultKind.NoPod, $"lost connection to pod: {RouteReasons.WhyNoPod(serving, _watch.Snapshot)}, {missed}"));
            _newDecision.Signal();
        }
    }

    private TimeSpan UntilNext()
    {
        TimeSpan rest = Housekeeping;
        foreach (PodRoute route in _serving.Where(route => route is { Reach.IsFailing: true, IsConnecting: false }))
        {
            rest = Min(rest, route.Reach.UntilRetry);
        }

        if (_lostSince is null && OutOfReachSince() is { } failing)
        {
            rest = Min(rest, ReconnectGrace - _time.GetElapsedTime(failing));
        }

        if (_unreadySince is { } unready)
        {
            rest = Min(rest, _options.UnreadyGrace - _time.GetElapsedTime(unready));
        }

        if (_lostSince is { } lost)
        {
            rest = Min(rest, _options.ReconnectTimeout is { } set ? set - _time.GetElapsedTime(lost)
                : _goneSince is { } gone ? DefaultReconnectTimeout - _time.GetElapsedTime(gone) : rest);
        }

        return rest > TimeSpan.Zero ? rest : TimeSpan.FromMilliseconds(1);
    }

    /// <summary>Ends the tunnels to pods that serve nobody any more, and reads a target again that has no pods or may lead to others.</summary>
    private void KeepHouse()
    {
        List<PodRoute> unused = [];
        List<PodRoute> gone;
        bool isStale;
        lock (_gate)
        {
            if (_time.GetElapsedTime(_housekeptAt) < Housekeeping)
            {
                return;
            }

            _housekeptAt = _time.GetTimestamp();
            unused.AddRange(_routes.Where(route => !_serving.Contains(route) && route is { Load: 0, IsConnecting: false }));
            _routes.RemoveAll(unused.Contains);
            gone = [.. _routes.Where(route => !route.IsLookedAfter && route.GoneSince is { } since && _time.GetElapsedTime(since) >= RoutePace.FormerPod(route.Looks))];
            gone.ForEach(route => route.IsLookedAfter = true);
            isStale = _watch.Target is { Selector: not null } target
                && (_lostSince is not null || (target is { Service: not null } or { UpdateRevision: not null } && _options.Reconnect))
                && _time.GetElapsedTime(_refreshedAt) >= (_lostSince is null ? TargetRefresh : RoutePace.LostTarget(_lostReads));
            if (isStale)
            {
                _refreshedAt = _time.GetTimestamp();
                _lostReads += _lostSince is null ? 0 : 1;
            }
        }

        foreach (PodRoute route in unused)
        {
            _ = route.Pool.DisposeAsync().AsTask();
        }

        foreach (PodRoute route in gone)
        {
            _ = EndIfGoneAsync(route);
        }

        if (isStale && _refreshing.IsCompleted)
        {
            _refreshing = RefreshAsync();
        }
    }

    private async Task RefreshAsync()
    {
        await _watch.RefreshAsync(_stopped).ConfigureAwait(false);
        _newFacts.Signal();
    }

    /// <summary>
    /// Ends the tunnels of a pod that does not exist any more and that nobody may ever end otherwise. One that was only taken out of the
    /// target, by a label or by another selector, lives on and keeps its connections.
    /// </summary>
    private async Task EndIfGoneAsync(PodRoute route)
    {
        bool isGone = await _watch.IsGoneAsync(route.Name, route.Uid, _stopped).ConfigureAwait(false);
        lock (_gate)
        {
            route.IsLookedAfter = false;
            route.Looks++;
            route.GoneSince = route.GoneSince is null ? null : _time.GetTimestamp();
        }

        if (isGone)
        {
            route.Pool.DropWaiting();
        }
    }

    /// <summary>The route to a pod, made if there is none. Called with the gate held.</summary>
    private PodRoute RouteTo(Pod pod) => _routes.Find(route => route.Uid == PodFacts.UidOf(pod)) ?? AddRoute(pod);

    private PodRoute AddRoute(Pod pod)
    {
        PodRoute? added = null;
        TunnelPoolOptions options = _options.Tunnels with
        {
            OnLost = loss => OnTunnelsLost(added!, loss),
            OnSaturated = () =>
            {
                lock (_gate)
                {
                    _events.Enqueue(new TunnelsSaturated(added!.Name, _options.Tunnels.MaxTunnels));
                }

                _newFacts.Signal();
            },
            Time = _time,
        };
        ITunnelDialer dialer = _createDialer(PodFacts.NameOf(pod));
        added = new PodRoute(PodFacts.NameOf(pod), PodFacts.UidOf(pod), new TunnelPool(dialer, options, _logger), new PodReach(_time, _options.Jitter)) { Pod = pod, Ports = Translate(pod) };
        _routes.Add(added);
        return added;
    }

    private IReadOnlyList<PodPort> Translate(Pod pod) => PodPort.Translate(_first.Ports, _watch.Target, pod);

    /// <summary>Whether another attempt may succeed, so that connections are held up and not refused.</summary>
    private static bool IsPassing(TunnelFault fault) => fault.Kind switch
    {
        TunnelFaultKind.Unreachable or TunnelFaultKind.TimedOut or TunnelFaultKind.Lost or TunnelFaultKind.BadUpgrade => true,
        TunnelFaultKind.Refused => fault.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.NotFound or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError,
        _ => false,
    };

    /// <summary>Called without the gate.</summary>
    private string WhyNoPod()
    {
        lock (_gate)
        {
            return RouteReasons.WhyNoPod(_serving.FirstOrDefault(), _watch.Snapshot);
        }
    }

    private void EmitEvents()
    {
        while (true)
        {
            ForwardEvent? next;
            lock (_gate)
            {
                if (!_events.TryDequeue(out next))
                {
                    return;
                }
            }

            _options.OnEvent?.Invoke(next);
        }
    }

    private async Task WaitAsync(Task signal, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(signal, Task.Delay(limit, _time, ended.Token)).ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
    }

    private static TunnelFault Ended() => new(TunnelFaultKind.Lost, "the forward has ended");

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
