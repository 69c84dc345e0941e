using System.Text.Json.Serialization;

namespace PortForward.Cluster.Objects;

/// <summary>
/// Reads the API server's objects, as far as a forward needs them. What else is in them is skipped unread: the models of the whole API made the program
/// twice as large and its start longer (docs/decisions/0005).
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ObjectList<Pod>), TypeInfoPropertyName = "PodList")]
[JsonSerializable(typeof(ObjectList<Service>), TypeInfoPropertyName = "ServiceList")]
[JsonSerializable(typeof(ObjectList<EndpointSlice>), TypeInfoPropertyName = "EndpointSliceList")]
[JsonSerializable(typeof(ObjectList<Workload>), TypeInfoPropertyName = "WorkloadList")]
[JsonSerializable(typeof(ObjectList<ReplicationController>), TypeInfoPropertyName = "ReplicationControllerList")]
internal sealed partial class ObjectJson : JsonSerializerContext;
