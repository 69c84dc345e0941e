namespace PortForward.Cluster.Targets;

/// <summary>A target that can be forwarded to: a running pod and its ports.</summary>
/// <param name="Target">What the user asked for.</param>
/// <param name="Namespace">The pod's namespace.</param>
/// <param name="PodName">The pod's name.</param>
/// <param name="PodUid">The pod's identity: a new pod of the same name has another.</param>
/// <param name="Ports">The ports, in the order they were asked for, no local port twice.</param>
/// <param name="Notes">What the user should know, one sentence each.</param>
public sealed record ResolvedTarget(
    TargetReference Target,
    string Namespace,
    string PodName,
    string PodUid,
    IReadOnlyList<PortMapping> Ports,
    IReadOnlyList<string> Notes);
