using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Routing;

/// <summary>One of the forwarder's ports as it is in a pod: names and target ports may have other numbers than in the first pod.</summary>
/// <param name="Number">The pod's port; null if it has none.</param>
/// <param name="Reason">Why it has none; null if it has one.</param>
internal readonly record struct PodPort(int? Number, string? Reason)
{
    /// <summary>Finds the forwarder's ports in a pod.</summary>
    /// <param name="ports">The ports as they were asked for.</param>
    /// <param name="target">The target as it is now: a service may lead to other ports.</param>
    /// <param name="pod">The pod.</param>
    public static IReadOnlyList<PodPort> Translate(IReadOnlyList<PortSpec> ports, TargetObject target, Pod pod) =>
        [.. ports.Select(port => Translate(port, target, pod))];

    private static PodPort Translate(PortSpec port, TargetObject target, Pod pod)
    {
        try
        {
            return new PodPort(TargetResolver.Translate(target, [port], pod)[0].PodPort, Reason: null);
        }
        catch (ClusterException e)
        {
            return new PodPort(Number: null, e.Message);
        }
    }
}
