using System.Text.Json.Serialization;

namespace PortForward.Cluster.Objects;

/// <summary>
/// Reads the API server's objects, as far as a forward needs them. What else is in them is skipped unread: the whole models of Kubernetes' API made the
/// program 14 MB larger (27 instead of 13), its memory 13 MB, and a start 11 ms longer (55 instead of 44).
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ObjectList<Pod>), TypeInfoPropertyName = "PodList")]
[JsonSerializable(typeof(ObjectList<Service>), TypeInfoPropertyName = "ServiceList")]
[JsonSerializable(typeof(ObjectList<Workload>), TypeInfoPropertyName = "WorkloadList")]
[JsonSerializable(typeof(ObjectList<ReplicationController>), TypeInfoPropertyName = "ReplicationControllerList")]
internal sealed partial class ObjectJson : JsonSerializerContext;
