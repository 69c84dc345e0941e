using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace PortForward.Cluster.Objects;

/// <summary>A service.</summary>
internal sealed class Service : IApiObject
{
    /// <inheritdoc/>
    public ObjectMeta? Metadata { get; set; }

    /// <summary>What was asked for.</summary>
    public ServiceSpec? Spec { get; set; }
}

/// <summary>What was asked of a service.</summary>
internal sealed class ServiceSpec
{
    /// <summary><c>ClusterIP</c>, <c>NodePort</c>, <c>LoadBalancer</c> or <c>ExternalName</c>; null is ClusterIP.</summary>
    public string? Type { get; set; }

    /// <summary>The service's address; <c>None</c> for a headless one.</summary>
    public string? ClusterIP { get; set; }

    /// <summary>The labels of the service's pods; null or empty when somebody else says which they are.</summary>
    public IDictionary<string, string>? Selector { get; set => field = NullElements.Drop(value); }

    /// <summary>The ports.</summary>
    public IList<ServicePort>? Ports { get; set => field = NullElements.Drop(value); }
}

/// <summary>One of a service's ports.</summary>
internal sealed class ServicePort
{
    /// <summary>The port's name, or null.</summary>
    public string? Name { get; set; }

    /// <summary>The service's own number, 1 to 65535.</summary>
    [JsonPropertyName("port")]
    public int Number { get; set; }

    /// <summary>The pods' port, a number or the name of a container's port; null when it is the same number.</summary>
    [JsonConverter(typeof(NumberOrNameConverter))]
    public string? TargetPort { get; set; }

    /// <summary><c>TCP</c>, <c>UDP</c> or <c>SCTP</c>; null is TCP.</summary>
    public string? Protocol { get; set; }
}

/// <summary>Reads what Kubernetes calls IntOrString: the digits of a number, or the text.</summary>
internal sealed class NumberOrNameConverter : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Number ? reader.GetInt32().ToString(CultureInfo.InvariantCulture) : reader.GetString();

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options)
    {
        if (int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            writer.WriteNumberValue(number);
        }
        else
        {
            writer.WriteStringValue(value);
        }
    }
}
