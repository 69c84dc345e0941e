using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;
using PortForward.Tunnels;

namespace PortForward.Cluster;

/// <summary>A target to which connections can be opened.</summary>
/// <param name="Target">The target and the pod that was found first.</param>
/// <param name="Router">Leads to its pods, owned by the caller.</param>
/// <param name="Source">The same router, which counts who waits for a connection.</param>
internal sealed record StartedTarget(ResolvedTarget Target, PodRouter Router, ITunnelSource Source);
