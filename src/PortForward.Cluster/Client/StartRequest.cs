using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cluster;

/// <summary>What a start is asked for.</summary>
/// <param name="Target">The target.</param>
/// <param name="Namespace">The target's namespace.</param>
/// <param name="Ports">The target's ports; more can be added to the router later.</param>
internal sealed record StartRequest(TargetReference Target, string Namespace, IReadOnlyList<PortSpec> Ports)
{
    /// <summary>How long to wait until the target has a running pod.</summary>
    public required TimeSpan PodRunningTimeout { get; init; }

    /// <summary>How long a tunnel may be silent before it counts as dead.</summary>
    public required TimeSpan LivenessTimeout { get; init; }

    /// <summary>Says how to follow the target, once it was found.</summary>
    public required Func<PodRouterOptions> OnFound { get; init; }

    /// <summary>Takes the events.</summary>
    public Action<ForwardEvent> Tell { get; init; } = static _ => { };
}
