namespace PortForward.Testing.Api;

/// <summary>A kind of object that the API server serves.</summary>
/// <param name="Group">The API group; empty for the core group.</param>
/// <param name="Version">The API version.</param>
/// <param name="Plural">The name in paths, e.g. <c>pods</c>.</param>
/// <param name="Singular">The name for people.</param>
/// <param name="Kind">The name in objects.</param>
/// <param name="Namespaced">Whether objects live in a namespace.</param>
/// <param name="ShortNames">Names to type.</param>
internal sealed record ResourceType(string Group, string Version, string Plural, string Singular, string Kind, bool Namespaced, params string[] ShortNames)
{
    public static IReadOnlyList<ResourceType> All { get; } =
    [
        new("", "v1", "namespaces", "namespace", "Namespace", false, "ns"),
        new("", "v1", "nodes", "node", "Node", false, "no"),
        new("", "v1", "pods", "pod", "Pod", true, "po"),
        new("", "v1", "services", "service", "Service", true, "svc"),
        new("", "v1", "endpoints", "endpoints", "Endpoints", true, "ep"),
        new("", "v1", "events", "event", "Event", true, "ev"),
        new("", "v1", "configmaps", "configmap", "ConfigMap", true, "cm"),
        new("", "v1", "replicationcontrollers", "replicationcontroller", "ReplicationController", true, "rc"),
        new("apps", "v1", "deployments", "deployment", "Deployment", true, "deploy"),
        new("apps", "v1", "replicasets", "replicaset", "ReplicaSet", true, "rs"),
        new("apps", "v1", "statefulsets", "statefulset", "StatefulSet", true, "sts"),
        new("apps", "v1", "daemonsets", "daemonset", "DaemonSet", true, "ds"),
        new("batch", "v1", "jobs", "job", "Job", true),
        new("discovery.k8s.io", "v1", "endpointslices", "endpointslice", "EndpointSlice", true),
    ];

    /// <summary>The value of an object's apiVersion field.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The name in messages, e.g. <c>deployments.apps</c>.</summary>
    public string QualifiedName => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    public static ResourceType? Find(string group, string version, string plural) =>
        All.FirstOrDefault(type => type.Group == group && type.Version == version && type.Plural == plural);

    public static ResourceType OfKind(string apiVersion, string kind) =>
        All.FirstOrDefault(type => type.ApiVersion == apiVersion && type.Kind == kind)
        ?? throw new ArgumentException($"The test cluster serves no {apiVersion} {kind}.", nameof(kind));

    public static ResourceType OfPlural(string plural) =>
        All.FirstOrDefault(type => type.Plural == plural) ?? throw new ArgumentException($"The test cluster serves no {plural}.", nameof(plural));
}
