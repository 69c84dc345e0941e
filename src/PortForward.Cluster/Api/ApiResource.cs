using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Api;

/// <summary>A namespaced resource of the API server: where it is served, and how its lists are read.</summary>
/// <typeparam name="T">The resource's object type.</typeparam>
internal sealed class ApiResource<T>
    where T : class, IApiObject
{
    private readonly JsonTypeInfo<T> _object;
    private readonly JsonTypeInfo<ObjectList<T>> _list;

    internal ApiResource(string group, string plural, JsonTypeInfo<T> @object, JsonTypeInfo<ObjectList<T>> list)
    {
        Group = group;
        Plural = plural;
        _object = @object;
        _list = list;
    }

    /// <summary>The API group, empty for the core group.</summary>
    public string Group { get; }

    /// <summary>The version within the group.</summary>
    private const string Version = "v1";

    /// <summary>The plural name as it is in the path: <c>pods</c>.</summary>
    public string Plural { get; }

    /// <summary>The name as the API server writes it in its errors: <c>pods</c>, <c>deployments.apps</c>.</summary>
    public override string ToString() => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>The path of the collection below the server's base address.</summary>
    internal string CollectionPath(string @namespace)
    {
        string root = Group.Length == 0 ? $"api/{Version}" : $"apis/{Group}/{Version}";
        return $"{root}/namespaces/{Uri.EscapeDataString(@namespace)}/{Plural}";
    }

    internal T? Read(Stream json) => JsonSerializer.Deserialize(json, _object);

    internal T? Read(JsonElement json) => json.Deserialize(_object);

    /// <summary>Reads a list, or a page of one; null for JSON null.</summary>
    /// <exception cref="JsonException">It is no list of this resource.</exception>
    internal ApiList<T>? ReadList(Stream json)
    {
        ObjectList<T>? list = JsonSerializer.Deserialize(json, _list);
        if (list is null)
        {
            return null;
        }

        T[] items = [.. list.Items ?? []];
        if (Array.Exists(items, item => string.IsNullOrEmpty(item?.Metadata?.Name)))
        {
            throw new JsonException("a list with an object that has no name");
        }

        return new ApiList<T>(items, list.Metadata?.ResourceVersion, list.Metadata?.Continue);
    }
}

/// <summary>The resources which lead to pods. Their paths are fixed, so a look-up needs no discovery request.</summary>
internal static class ApiResources
{
    /// <summary>Pods.</summary>
    public static ApiResource<Pod> Pods { get; } = new("", "pods", ObjectJson.Default.Pod, ObjectJson.Default.PodList);

    /// <summary>Services.</summary>
    public static ApiResource<Service> Services { get; } = new("", "services", ObjectJson.Default.Service, ObjectJson.Default.ServiceList);

    /// <summary>Endpoint slices.</summary>
    public static ApiResource<EndpointSlice> EndpointSlices { get; } =
        new("discovery.k8s.io", "endpointslices", ObjectJson.Default.EndpointSlice, ObjectJson.Default.EndpointSliceList);

    /// <summary>Replication controllers.</summary>
    public static ApiResource<ReplicationController> ReplicationControllers { get; } =
        new("", "replicationcontrollers", ObjectJson.Default.ReplicationController, ObjectJson.Default.ReplicationControllerList);

    /// <summary>Deployments.</summary>
    public static ApiResource<Workload> Deployments { get; } = Workloads("apps", "deployments");

    /// <summary>Replica sets.</summary>
    public static ApiResource<Workload> ReplicaSets { get; } = Workloads("apps", "replicasets");

    /// <summary>Stateful sets.</summary>
    public static ApiResource<Workload> StatefulSets { get; } = Workloads("apps", "statefulsets");

    /// <summary>Daemon sets.</summary>
    public static ApiResource<Workload> DaemonSets { get; } = Workloads("apps", "daemonsets");

    /// <summary>Jobs.</summary>
    public static ApiResource<Workload> Jobs { get; } = Workloads("batch", "jobs");

    private static ApiResource<Workload> Workloads(string group, string plural) => new(group, plural, ObjectJson.Default.Workload, ObjectJson.Default.WorkloadList);
}
