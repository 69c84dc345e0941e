using PortForward.Tunnels.Pool;

namespace PortForward.Cluster.Routing;

/// <summary>The way to one pod: what is known of it, its tunnels, and its ports. Guarded by the router's gate.</summary>
internal sealed class PodRoute(RouteState state, TunnelPool pool)
{
    /// <summary>What is known of the pod and of the attempts to reach it.</summary>
    public RouteState State => state;

    public TunnelPool Pool => pool;

    /// <summary>The forwarder's ports as they are in the pod.</summary>
    public required IReadOnlyList<PodPort> Ports { get; set; }

    /// <summary>How many connections are being opened on it.</summary>
    public int Opening { get; set; }

    /// <summary>Whether it is being checked if the pod still exists.</summary>
    public bool IsBeingChecked { get; set; }

    /// <summary>How many connections it carries.</summary>
    public int Load => pool.BusyCount + Opening;
}
