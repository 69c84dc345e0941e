using System.Text.Json.Serialization;

namespace PortForward.Cluster.Objects;

/// <summary>A pod.</summary>
internal sealed class Pod : IApiObject
{
    /// <inheritdoc/>
    public ObjectMeta? Metadata { get; set; }

    /// <summary>What was asked for.</summary>
    public PodSpec? Spec { get; set; }

    /// <summary>What there is.</summary>
    public PodStatus? Status { get; set; }

    /// <summary>What the endpoint slices of a service without a selector say of it. No server knows it; null for a pod that was not found through them.</summary>
    [JsonIgnore]
    public PodEndpoint? Endpoint { get; private init; }

    /// <summary>The same pod, as the endpoint slices of a service have it.</summary>
    public Pod At(PodEndpoint endpoint) => new() { Metadata = Metadata, Spec = Spec, Status = Status, Endpoint = endpoint };
}

/// <summary>What was asked of a pod.</summary>
internal sealed class PodSpec
{
    /// <summary>The node; null until the pod is scheduled.</summary>
    public string? NodeName { get; set; }

    /// <summary>The containers.</summary>
    public IList<Container>? Containers { get; set => field = NullElements.Drop(value); }

    /// <summary>The containers that run before the others, and those that keep running beside them.</summary>
    public IList<Container>? InitContainers { get; set => field = NullElements.Drop(value); }
}

/// <summary>One of a pod's containers.</summary>
internal sealed class Container
{
    /// <summary>The name within the pod.</summary>
    public string Name { get; set; } = "";

    /// <summary><c>Always</c> makes a sidecar of an init container.</summary>
    public string? RestartPolicy { get; set; }

    /// <summary>The ports it says that it listens on.</summary>
    public IList<ContainerPort>? Ports { get; set => field = NullElements.Drop(value); }
}

/// <summary>A port that a container says it listens on.</summary>
internal sealed class ContainerPort
{
    /// <summary>The port's name, or null.</summary>
    public string? Name { get; set; }

    /// <summary>The number, 1 to 65535.</summary>
    [JsonPropertyName("containerPort")]
    public int Number { get; set; }

    /// <summary><c>TCP</c>, <c>UDP</c> or <c>SCTP</c>; null is TCP.</summary>
    public string? Protocol { get; set; }
}
