using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cluster.Routing;

/// <summary>
/// Decides which pods serve new connections, when the target counts as lost and as back, and when the forward ends. Pods, what is known of the routes to
/// them, and the clock go in; it starts nothing, waits for nothing and locks nothing. Guarded by the router's gate.
/// </summary>
internal sealed class TargetFollower
{
    /// <summary>How long a reconnect may take before the loss is reported: load balancers cut idle connections all the time.</summary>
    private static readonly TimeSpan ReconnectGrace = TimeSpan.FromSeconds(2);

    /// <summary>Timers round anything shorter down to zero.</summary>
    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(1);

    private readonly ResolvedTarget _first;
    private readonly PodRouterOptions _options;
    private readonly Action<ForwardEvent> _report;
    private readonly TimeProvider _time;
    private readonly TargetLoss _loss;
    private readonly bool _acceptsUnready;
    private TargetSnapshot _known;
    private List<RouteState> _serving;
    private long? _unreadySince;

    /// <summary>Begins with the pod that was found.</summary>
    /// <param name="first">The target, resolved.</param>
    /// <param name="route">The route to its pod.</param>
    /// <param name="options">How the target is followed.</param>
    /// <param name="report">Takes the events.</param>
    public TargetFollower(ResolvedTarget first, RouteState route, PodRouterOptions options, Action<ForwardEvent> report)
    {
        _first = first;
        _options = options;
        _report = report;
        _time = options.Time;
        _loss = new TargetLoss(_time, options.ReconnectTimeout);
        _acceptsUnready = !PodFacts.IsReady(first.Pod);
        _known = new TargetSnapshot(first.Object, Pods: null, IsGone: false);
        _serving = [route];
    }

    /// <summary>Where new connections go: one pod, or several when they are balanced. Empty while the target has no pod.</summary>
    public IReadOnlyList<RouteState> Serving => _serving;

    /// <summary>Whether the target is lost, so that new connections wait.</summary>
    public bool IsLost => _loss.IsLost;

    /// <summary>Why the forward ends; null while it goes on.</summary>
    public TunnelFault? End { get; private set; }

    /// <summary>How long the decisions hold if nothing changes; positive.</summary>
    public TimeSpan UntilNext
    {
        get
        {
            TimeSpan rest = _loss.Remaining ?? TimeSpan.MaxValue;
            foreach (RouteState route in Unconnected)
            {
                rest = Min(rest, route.Reach.UntilRetry);
            }

            if (!IsLost && FailingSince() is { } failing)
            {
                rest = Min(rest, ReconnectGrace - _time.GetElapsedTime(failing));
            }

            if (_unreadySince is { } unready)
            {
                rest = Min(rest, _options.UnreadyGrace - _time.GetElapsedTime(unready));
            }

            return rest > MinWait ? rest : MinWait;
        }
    }

    /// <summary>The serving pods that cannot be reached, and to which no attempt is being made.</summary>
    private IEnumerable<RouteState> Unconnected => _serving.Where(route => route is { Reach.IsFailing: true, IsConnecting: false });

    /// <summary>Draws the consequences of what is known now.</summary>
    /// <param name="known">What is known of the target.</param>
    /// <param name="routes">The routes that there are; those that serve and are not among them are new.</param>
    /// <returns>Whether waiting connections have something new to choose from.</returns>
    public bool Update(TargetSnapshot known, IReadOnlyCollection<RouteState> routes)
    {
        List<RouteState> before = _serving;
        _known = known;
        if (known.Pods is { } pods)
        {
            foreach (RouteState route in routes)
            {
                route.Update(pods);
            }

            if (_options.Balance)
            {
                ServeAllReady(pods, routes);
            }
            else
            {
                ServeOne(pods, routes);
            }
        }

        if (!IsLost && FailingSince() is { } since && _time.GetElapsedTime(since) >= ReconnectGrace)
        {
            LoseReach(_serving[0]);
        }

        EndIfLostForTooLong();
        return !ReferenceEquals(before, _serving) || End is not null;
    }

    /// <summary>The pods that are to be connected to now; each counts as connecting from now on.</summary>
    public IReadOnlyList<RouteState> TakeDueAttempts()
    {
        RouteState[] due = [.. Unconnected.Where(route => _options.Reconnect && route.Reach.UntilRetry == TimeSpan.Zero)];
        foreach (RouteState route in due)
        {
            route.IsConnecting = true;
        }

        return due;
    }

    /// <summary>A tunnel to a pod is established.</summary>
    /// <returns>Whether that ends the target's loss.</returns>
    public bool Connected(RouteState route)
    {
        route.Reach.Connected();
        if (!IsLost || !_serving.Contains(route))
        {
            return false;
        }

        _report(new PodBack(route.Name, _loss.End()));
        return true;
    }

    /// <summary>An attempt to reach a pod has failed: the next one comes later.</summary>
    public void AttemptFailed(RouteState route, TunnelFault fault)
    {
        route.Reach.Fail(fault);
        if (_serving.Contains(route) && _serving.TrueForAll(other => other.Reach.IsFailing))
        {
            LoseReach(route);
        }
    }

    /// <summary>A connection could not reach a pod: it and others wait until an attempt succeeds, the first one of which is made at once.</summary>
    public void ConnectionFailed(RouteState route, TunnelFault fault)
    {
        if (!_serving.Contains(route))
        {
            AttemptFailed(route, fault);
        }
        else if (!route.Reach.IsFailing)
        {
            route.Reach.MarkFailing(fault);
        }
    }

    /// <summary>The last tunnel to a pod has ended by itself.</summary>
    /// <param name="route">The pod.</param>
    /// <param name="hasServed">Whether its tunnels have carried connections.</param>
    /// <param name="fault">Why no other tunnel can be had; null if that is not known yet.</param>
    /// <returns>Whether an attempt to reach it again is to be made.</returns>
    public bool TunnelsLost(RouteState route, bool hasServed, TunnelFault? fault)
    {
        if (!_serving.Contains(route))
        {
            return false;
        }

        if (!route.Reach.IsFailing)
        {
            route.Reach.LoseTunnels(hasServed);
        }

        if (fault is not null)
        {
            route.Reach.Explain(fault);
        }

        // That no other tunnel can be had is known already, or does not matter.
        if (FailingSince() is not null && (fault is not null || !_options.Reconnect))
        {
            LoseReach(route);
        }

        return _options.Reconnect;
    }

    /// <summary>Why there is no pod to connect to, in a whole clause.</summary>
    public string WhyNoPod(TargetSnapshot known) => RouteReasons.WhyNoPod(_serving.FirstOrDefault(), known);

    /// <summary>No pod serves from now on: the router is disposed.</summary>
    public void Stop() => _serving = [];

    /// <summary>Since when none of the serving pods can be reached, as a timestamp of the clock; null if one can.</summary>
    private long? FailingSince() =>
        _serving.Count > 0 && _serving.TrueForAll(route => route.Reach.IsFailing) ? _serving.Max(route => route.Reach.FailingSince) : null;

    private void ServeOne(IReadOnlyCollection<Pod> pods, IReadOnlyCollection<RouteState> routes)
    {
        RouteState? current = _serving.FirstOrDefault();
        bool isRefused = current?.Reach.IsRefused == true;
        if ((current?.IsHealthy == true && !isRefused) || (!_options.Reconnect && current?.IsDeletedOrOver(_known.Target) == false))
        {
            _unreadySince = null;
            return;
        }

        // The server may know of a dead node only through those who cannot reach it. A pod that was refused too has its turn when its time has come.
        IEnumerable<Pod> candidates = isRefused ? pods.Where(pod => PodFacts.UidOf(pod) != current!.Uid && UntilRetry(pod, routes) == TimeSpan.Zero) : pods;
        Pod? best = PodSelection.Later(candidates, PodRevisions.Among(pods, updateRevision: _known.Target.UpdateRevision));
        bool isCurrent = best is not null && PodFacts.UidOf(best) == current?.Uid;
        if (best is null || isCurrent)
        {
            _unreadySince = null;
        }

        if (isCurrent)
        {
            return; // Not ready, or terminating, but there is no better one.
        }

        bool currentRuns = current?.Pod is { } now && PodFacts.IsRunning(now) && !isRefused;
        if (best is not null && (_options.Reconnect || currentRuns) && IsGoodEnough(best, currentRuns))
        {
            string reason = current is null ? "" : RouteReasons.WhyLeft(current, _known);
            Serve([RouteTo(best, routes)]);
            if (current is not null && !IsLost)
            {
                _report(new PodSwitched(current.Name, PodFacts.NameOf(best), reason));
            }
        }
        else if (current is not null && !currentRuns && !isRefused)
        {
            Lose(current, RouteReasons.WhyLeft(current, _known), LossCause.PodGone);
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

    private void ServeAllReady(IReadOnlyCollection<Pod> pods, IReadOnlyCollection<RouteState> routes)
    {
        Pod[] ready = [.. pods.Where(PodFacts.IsServing)];
        if (ready.Length == 0)
        {
            // As long as nobody is ready, one that at least runs is better than none.
            if (_serving is not [{ Pod: { } only }] || !PodFacts.IsRunning(only))
            {
                _serving = [.. _serving.Take(1)];
                ServeOne(pods, routes);
            }

            return;
        }

        _unreadySince = null;
        HashSet<string> before = [.. _serving.Select(route => route.Uid)];
        if (!before.SetEquals(ready.Select(PodFacts.UidOf)))
        {
            Serve([.. ready.Select(pod => RouteTo(pod, routes))]);
            _report(new PodsServing([.. ready.Select(PodFacts.NameOf).Order(StringComparer.Ordinal)]));
        }
    }

    /// <summary>Sends new connections to other pods. While the target is lost they wait until a tunnel is established.</summary>
    private void Serve(List<RouteState> routes)
    {
        if (IsLost)
        {
            foreach (RouteState route in routes.Where(route => !_serving.Contains(route)))
            {
                route.Reach.AwaitFirst();
            }
        }

        _serving = routes;
        _unreadySince = null;
    }

    /// <summary>None of the serving pods can be reached.</summary>
    private void LoseReach(RouteState route) =>
        Lose(route, RouteReasons.WhyUnreachable(route.Name, route.Reach.Fault), RouteReasons.CauseOf(route.Name, route.Reach.Fault));

    private void Lose(RouteState route, string reason, LossCause cause)
    {
        if (!_options.Reconnect)
        {
            End ??= new TunnelFault(TunnelFaultKind.Lost, "lost connection to pod");
        }
        else if (_loss.Begin())
        {
            // Another target does not make up for a server that is away.
            string? hint = cause == LossCause.ServerUnreachable ? null : RouteReasons.OwnerHint(_first);
            _report(new PodLost(route.Name, reason, hint) { Cause = cause });
        }
    }

    private void EndIfLostForTooLong()
    {
        _loss.Update(_known.IsGoneForGood);
        if (!_loss.IsOver)
        {
            return;
        }

        RouteState? serving = _serving.FirstOrDefault();
        string limit = GoDuration.Format(_loss.Limit);
        string hint = RouteReasons.OwnerHint(_first) is { } owner ? $" ({owner})" : "";
        string missed = serving is { Reach.IsFailing: true } && RouteReasons.CauseOf(serving.Name, serving.Reach.Fault) == LossCause.ServerUnreachable
            ? $"and was not within {limit}"
            : $"and none came within {limit}{hint}";
        End ??= new TunnelFault(TunnelFaultKind.NoPod, $"lost connection to pod: {WhyNoPod(_known)}, {missed}");
    }

    /// <summary>How long not to try a pod that could not be reached; zero for one that could.</summary>
    private static TimeSpan UntilRetry(Pod pod, IEnumerable<RouteState> routes) =>
        routes.FirstOrDefault(route => route.Uid == PodFacts.UidOf(pod))?.Reach.UntilRetry ?? TimeSpan.Zero;

    /// <summary>The route to a pod, made if there is none.</summary>
    private RouteState RouteTo(Pod pod, IEnumerable<RouteState> routes) =>
        routes.FirstOrDefault(route => route.Uid == PodFacts.UidOf(pod)) ?? new RouteState(pod, _options);

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
