using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Routing;

/// <summary>The routes by pod, and the choice of one for a connection. Guarded by the router's gate.</summary>
/// <param name="create">Makes the tunnels and ports for a pod.</param>
/// <param name="options">How the target is followed.</param>
internal sealed class RouteTable(Func<RouteState, PodRoute> create, PodRouterOptions options)
{
    private readonly Dictionary<string, PodRoute> _routes = new(StringComparer.Ordinal);
    private int _turn;

    /// <summary>All routes.</summary>
    public IReadOnlyCollection<PodRoute> All => _routes.Values;

    /// <summary>What is known of all routes.</summary>
    public IReadOnlyCollection<RouteState> States => [.. _routes.Values.Select(route => route.State)];

    /// <summary>The route with the given state, made if there is none.</summary>
    public PodRoute Of(RouteState state)
    {
        if (!_routes.TryGetValue(state.Uid, out PodRoute? route))
        {
            route = create(state);
            _routes.Add(state.Uid, route);
        }

        return route;
    }

    /// <summary>Removes the routes that serve nobody any more.</summary>
    /// <param name="serving">The pods that serve new connections.</param>
    /// <returns>The routes that were removed.</returns>
    public IReadOnlyList<PodRoute> Prune(IReadOnlyCollection<RouteState> serving)
    {
        PodRoute[] unused = [.. _routes.Values.Where(route => !serving.Contains(route.State) && route is { Load: 0, State.IsConnecting: false })];
        foreach (PodRoute route in unused)
        {
            _routes.Remove(route.State.Uid);
        }

        return unused;
    }

    /// <summary>Removes all routes.</summary>
    /// <returns>The routes that were removed.</returns>
    public IReadOnlyList<PodRoute> Clear()
    {
        PodRoute[] all = [.. _routes.Values];
        _routes.Clear();
        return all;
    }

    /// <summary>Chooses the route for a new connection.</summary>
    /// <param name="avoided">The pods that have failed the connection already.</param>
    /// <param name="serving">The pods that serve new connections.</param>
    /// <param name="known">What is known of the target.</param>
    public RouteChoice Choose(IReadOnlyCollection<string> avoided, IReadOnlyList<RouteState> serving, TargetSnapshot known)
    {
        if (avoided.Count == 0)
        {
            return new RouteChoice(LeastBusy(Reachable(serving)), MayCome: true, TimeSpan.MaxValue);
        }

        // Only connections make attempts on these pods, so those that have failed are tried again by them once their time has come.
        Pod[] others = [.. (known.Pods ?? []).Where(pod => PodFacts.IsServing(pod) && !avoided.Contains(PodFacts.UidOf(pod), StringComparer.Ordinal))];
        Pod[] reachable = [.. others.Where(pod => UntilRetry(pod) == TimeSpan.Zero)];
        if (reachable.Length > 0)
        {
            PodRoute? route = options.Balance ? LeastBusy([.. reachable.Select(RouteTo)])
                : RouteTo(PodSelection.Later(reachable, PodRevisions.Among(known.Pods!, updateRevision: known.Target.UpdateRevision))!);
            return new RouteChoice(route, MayCome: true, TimeSpan.MaxValue);
        }

        if (others.Length > 0)
        {
            return new RouteChoice(Route: null, MayCome: true, others.Min(UntilRetry));
        }

        // The one pod of a target that is terminating has a successor soon; one that is there to stay has refused for good.
        bool mayCome = options.Reconnect && known.Pods is { } pods && avoided.All(uid => IsReplaced(pods.FirstOrDefault(pod => PodFacts.UidOf(pod) == uid)));
        return new RouteChoice(Route: null, mayCome, TimeSpan.MaxValue);

        static bool IsReplaced(Pod? failed) => failed is null || PodFacts.IsTerminating(failed) || !PodFacts.IsRunning(failed);
    }

    private List<PodRoute> Reachable(IReadOnlyList<RouteState> serving)
    {
        var reachable = new List<PodRoute>(serving.Count);
        for (int i = 0; i < serving.Count; i++) // An enumerator would be allocated for each connection.
        {
            if (!serving[i].Reach.IsFailing)
            {
                reachable.Add(Of(serving[i]));
            }
        }

        return reachable;
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

    /// <summary>The route to a pod, made if there is none.</summary>
    private PodRoute RouteTo(Pod pod) => _routes.GetValueOrDefault(PodFacts.UidOf(pod)) ?? Of(new RouteState(pod, options));

    /// <summary>How long not to try a pod that could not be reached; zero for one that could.</summary>
    private TimeSpan UntilRetry(Pod pod) => _routes.GetValueOrDefault(PodFacts.UidOf(pod))?.State.Reach.UntilRetry ?? TimeSpan.Zero;
}
