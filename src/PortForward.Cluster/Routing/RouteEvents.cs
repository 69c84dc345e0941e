using PortForward.Forwarding;

namespace PortForward.Cluster.Routing;

/// <summary>The pod in use is lost; connections wait until there is one again.</summary>
/// <param name="Pod">The pod.</param>
/// <param name="Reason">Why, as the end of a sentence that begins with "lost pod x".</param>
/// <param name="Hint">What would keep the forward from being lost another time; null if nothing.</param>
public sealed record PodLost(string Pod, string Reason, string? Hint) : ForwardEvent
{
    /// <summary>What was lost.</summary>
    public LossCause Cause { get; init; }
}

/// <summary>Connections are served again.</summary>
/// <param name="Pod">The pod that serves them.</param>
/// <param name="After">How long there was none.</param>
public sealed record PodBack(string Pod, TimeSpan After) : ForwardEvent;

/// <summary>New connections go to another pod from now on; those to the one before go on.</summary>
/// <param name="From">The pod before.</param>
/// <param name="To">The pod from now on.</param>
/// <param name="Reason">Why, as the end of a sentence that begins with the pod before.</param>
public sealed record PodSwitched(string From, string To, string Reason) : ForwardEvent;

/// <summary>Connections are balanced over other pods than before.</summary>
/// <param name="Pods">The pods; at least one.</param>
public sealed record PodsServing(IReadOnlyList<string> Pods) : ForwardEvent;

/// <summary>All tunnels that a pod may have are blocked, so that connections wait.</summary>
/// <param name="Pod">The pod.</param>
/// <param name="MaxTunnels">How many tunnels there may be.</param>
public sealed record TunnelsSaturated(string Pod, int MaxTunnels) : ForwardEvent;
