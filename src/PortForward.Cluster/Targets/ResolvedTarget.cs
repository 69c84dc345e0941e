using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>A target that can be forwarded to: a running pod and its ports.</summary>
internal sealed class ResolvedTarget
{
    internal ResolvedTarget(TargetObject target, Pod pod, IReadOnlyList<PortMapping> ports, IReadOnlyList<string> notes)
    {
        Object = target;
        Pod = pod;
        Ports = ports;
        Notes = notes;
    }

    /// <summary>What the user asked for.</summary>
    public TargetReference Target => Object.Reference;

    /// <summary>The pod's namespace.</summary>
    public string Namespace => Object.Namespace;

    /// <summary>The pod's name.</summary>
    public string PodName => PodFacts.NameOf(Pod);

    /// <summary>The pod's identity: a new pod of the same name has another.</summary>
    public string PodUid => Pod.Metadata?.Uid ?? "";

    /// <summary>The ports, in the order they were asked for, no local port twice.</summary>
    public IReadOnlyList<PortMapping> Ports { get; }

    /// <summary>What the user should know, one sentence each.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>The target as the cluster has it.</summary>
    internal TargetObject Object { get; }

    /// <summary>The pod as the cluster has it.</summary>
    internal Pod Pod { get; }
}
