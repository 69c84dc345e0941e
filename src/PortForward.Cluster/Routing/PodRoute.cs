using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;
using PortForward.Tunnels.Pool;

namespace PortForward.Cluster.Routing;

/// <summary>The way to one pod: its tunnels, its ports, and how the attempts to reach it go. Guarded by the router's gate.</summary>
internal sealed class PodRoute(string name, string uid, TunnelPool pool, PodReach reach)
{
    private Pod? _pod;

    public string Name => name;

    /// <summary>The pod's identity: a new pod of the same name has another.</summary>
    public string Uid => uid;

    public TunnelPool Pool => pool;

    /// <summary>The pod as it is now; null when it is no pod of the target any more, because it was deleted or because the target selects others.</summary>
    public Pod? Pod
    {
        get => _pod;
        set
        {
            _pod = value;
            LastSeen = value ?? LastSeen;
        }
    }

    /// <summary>The pod as it was seen last.</summary>
    public Pod? LastSeen { get; private set; }

    /// <summary>The pod's number for each of the forwarder's ports, or why it has none.</summary>
    public required IReadOnlyList<PodPort> Ports { get; set; }

    /// <summary>How the attempts to reach it go.</summary>
    public PodReach Reach => reach;

    /// <summary>Whether an attempt is being made.</summary>
    public bool IsConnecting { get; set; }

    /// <summary>Since when the pod has ended or is no pod of the target any more, as a timestamp of the clock; null if it is one.</summary>
    public long? GoneSince { get; set; }

    /// <summary>How often it was looked if it exists, since then.</summary>
    public int Looks { get; set; }

    /// <summary>Whether somebody is looking if it exists.</summary>
    public bool IsLookedAfter { get; set; }

    /// <summary>How many connections are being opened on it.</summary>
    public int Opening { get; set; }

    /// <summary>Whether the pod takes new connections by all that is known.</summary>
    public bool IsHealthy => Pod is not null && PodFacts.IsServing(Pod);

    /// <summary>Whether the pod does not run any more, and was not just taken out of the target.</summary>
    public bool IsDeletedOrOver(TargetObject target) => Pod is { } pod
        ? !PodFacts.IsRunning(pod)
        : target.Selector is null || LastSeen is not { } seen || PodFacts.IsTerminating(seen) || !PodFacts.IsRunning(seen);

    /// <summary>How much it carries.</summary>
    public int Load => pool.BusyCount + Opening;
}
