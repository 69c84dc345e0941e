using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;
using PortForward.Tunnels;

namespace PortForward.Cluster.Routing;

/// <summary>The way to one pod: its tunnels, its ports, and how the last attempts to reach it went. Guarded by the router's gate.</summary>
internal sealed class PodRoute(string name, string uid, ITunnelDialer dialer, TunnelPool pool)
{
    private Pod? _pod;

    public string Name => name;

    /// <summary>The pod's identity: a new pod of the same name has another.</summary>
    public string Uid => uid;

    public ITunnelDialer Dialer => dialer;

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
    public required IReadOnlyList<(int? Number, string? Reason)> Ports { get; set; }

    /// <summary>Whether connections have to wait until a tunnel stands.</summary>
    public bool IsFailing => FailingSince is not null;

    /// <summary>Since when that is so, as a timestamp of the clock; null if it is not.</summary>
    public long? FailingSince { get; set; }

    public bool IsConnecting { get; set; }

    /// <summary>Why the last attempt failed.</summary>
    public TunnelFault? Fault { get; set; }

    /// <summary>How many attempts have failed in a row. A tunnel that ends as soon as it stands is one of them.</summary>
    public int Failures { get; set; }

    /// <summary>When a tunnel stood at last after there was none, as a timestamp of the clock.</summary>
    public long StoodAt { get; set; }

    /// <summary>When to try again, as a timestamp of the clock.</summary>
    public long RetryAt { get; set; }

    /// <summary>Since when the pod has ended or is no pod of the target any more, as a timestamp of the clock; null if it is one.</summary>
    public long? GoneSince { get; set; }

    /// <summary>Whether somebody is looking if it exists.</summary>
    public bool IsLookedAfter { get; set; }

    /// <summary>How many connections are being opened on it.</summary>
    public int Opening { get; set; }

    /// <summary>Whether the pod takes new connections by all that is known.</summary>
    public bool IsHealthy => Pod is not null && PodFacts.IsServing(Pod);

    /// <summary>How much it carries.</summary>
    public int Load => pool.BusyCount + Opening;
}
