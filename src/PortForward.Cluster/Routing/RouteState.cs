using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Routing;

/// <summary>What is known of the route to one pod: the pod itself, and how the attempts to reach it go. Guarded by the router's gate.</summary>
/// <param name="pod">The pod as it is now.</param>
/// <param name="options">The clock and the jitter.</param>
internal sealed class RouteState(Pod pod, PodRouterOptions options)
{
    public string Name { get; } = PodFacts.NameOf(pod);

    /// <summary>The pod's identity: a new pod of the same name has another.</summary>
    public string Uid { get; } = PodFacts.UidOf(pod);

    /// <summary>The pod as it is now; null when it is no pod of the target any more, because it was deleted or because the target selects others.</summary>
    public Pod? Pod { get; private set; } = pod;

    /// <summary>The pod as it was seen last.</summary>
    public Pod LastSeen { get; private set; } = pod;

    /// <summary>How the attempts to reach it go.</summary>
    public PodReach Reach { get; } = new(options.Time, options.Jitter);

    /// <summary>Whether an attempt is being made.</summary>
    public bool IsConnecting { get; set; }

    /// <summary>Since when the pod has ended or is no pod of the target any more, as a timestamp of the clock; null if it is one.</summary>
    public long? FormerSince { get; private set; }

    /// <summary>How often it was checked since then whether the pod still exists.</summary>
    public int ExistenceChecks { get; private set; }

    /// <summary>Whether the pod takes new connections by all that is known.</summary>
    public bool IsHealthy => Pod is not null && PodFacts.IsServing(Pod);

    /// <summary>Whether the pod does not run any more, and was not just removed from the target.</summary>
    public bool IsDeletedOrOver(TargetObject target) => Pod is { } now
        ? !PodFacts.IsRunning(now)
        : target.IsPod || PodFacts.IsTerminating(LastSeen) || !PodFacts.IsRunning(LastSeen);

    /// <summary>Takes over what is known of the target's pods.</summary>
    public void Update(IEnumerable<Pod> pods)
    {
        Pod = pods.FirstOrDefault(pod => PodFacts.UidOf(pod) == Uid);
        LastSeen = Pod ?? LastSeen;
        FormerSince = Pod is null || PodFacts.IsOver(Pod) ? FormerSince ?? options.Time.GetTimestamp() : null;
        ExistenceChecks = FormerSince is null ? 0 : ExistenceChecks;
    }

    /// <summary>Notes that it was checked whether the pod still exists; the next check is due later.</summary>
    public void AddExistenceCheck()
    {
        ExistenceChecks++;
        FormerSince = FormerSince is null ? null : options.Time.GetTimestamp();
    }
}
