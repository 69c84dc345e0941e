using k8s;
using k8s.Models;

namespace PortForward.Cluster.Api;

/// <summary>A namespaced resource of the API server: where it is served, and how its lists are read.</summary>
/// <typeparam name="T">The resource's object type.</typeparam>
public sealed class ApiResource<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly Func<Stream, ApiList<T>> _readList;

    internal ApiResource(string group, string version, string plural, Func<Stream, ApiList<T>> readList)
    {
        Group = group;
        Version = version;
        Plural = plural;
        _readList = readList;
    }

    /// <summary>The API group, empty for the core group.</summary>
    public string Group { get; }

    /// <summary>The version within the group.</summary>
    public string Version { get; }

    /// <summary>The plural name as it stands in the path: <c>pods</c>.</summary>
    public string Plural { get; }

    /// <summary>The name as the API server writes it in its errors: <c>pods</c>, <c>deployments.apps</c>.</summary>
    public override string ToString() => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>The path of the collection below the server's base address.</summary>
    internal string CollectionPath(string @namespace)
    {
        string root = Group.Length == 0 ? $"api/{Version}" : $"apis/{Group}/{Version}";
        return $"{root}/namespaces/{Uri.EscapeDataString(@namespace)}/{Plural}";
    }

    internal ApiList<T> ReadList(Stream json) => _readList(json);
}

/// <summary>The resources which lead to pods. Their paths are fixed, so a look-up needs no discovery request.</summary>
public static class ApiResources
{
    /// <summary>Pods.</summary>
    public static ApiResource<V1Pod> Pods { get; } = Define<V1Pod, V1PodList>("", "pods");

    /// <summary>Services.</summary>
    public static ApiResource<V1Service> Services { get; } = Define<V1Service, V1ServiceList>("", "services");

    /// <summary>Replication controllers.</summary>
    public static ApiResource<V1ReplicationController> ReplicationControllers { get; } =
        Define<V1ReplicationController, V1ReplicationControllerList>("", "replicationcontrollers");

    /// <summary>Deployments.</summary>
    public static ApiResource<V1Deployment> Deployments { get; } = Define<V1Deployment, V1DeploymentList>("apps", "deployments");

    /// <summary>Replica sets.</summary>
    public static ApiResource<V1ReplicaSet> ReplicaSets { get; } = Define<V1ReplicaSet, V1ReplicaSetList>("apps", "replicasets");

    /// <summary>Stateful sets.</summary>
    public static ApiResource<V1StatefulSet> StatefulSets { get; } = Define<V1StatefulSet, V1StatefulSetList>("apps", "statefulsets");

    /// <summary>Daemon sets.</summary>
    public static ApiResource<V1DaemonSet> DaemonSets { get; } = Define<V1DaemonSet, V1DaemonSetList>("apps", "daemonsets");

    /// <summary>Jobs.</summary>
    public static ApiResource<V1Job> Jobs { get; } = Define<V1Job, V1JobList>("batch", "jobs");

    private static ApiResource<T> Define<T, TList>(string group, string plural)
        where T : class, IKubernetesObject<V1ObjectMeta>
        where TList : IKubernetesObject<V1ListMeta>, IItems<T> =>
        new(group, "v1", plural, json =>
        {
            TList list = KubernetesJson.Deserialize<TList>(json);
            return new ApiList<T>([.. list.Items ?? []], list.Metadata?.ResourceVersion, list.Metadata?.ContinueProperty);
        });
}
