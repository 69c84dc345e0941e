namespace PortForward.Cluster.Objects;

/// <summary>A part of what a service leads to.</summary>
internal sealed class EndpointSlice : IApiObject
{
    /// <inheritdoc/>
    public ObjectMeta? Metadata { get; set; }

    /// <summary>Where connections go.</summary>
    public IList<Endpoint>? Endpoints { get; set => field = NullElements.Drop(value); }

    /// <summary>The ports of every endpoint of the slice.</summary>
    public IList<EndpointPort>? Ports { get; set => field = NullElements.Drop(value); }
}

/// <summary>A place where connections to a service go.</summary>
internal sealed class Endpoint
{
    /// <summary>Its addresses, any of which will do: IP addresses, or a name in DNS.</summary>
    public IList<string>? Addresses { get; set => field = NullElements.Drop(value); }

    /// <summary>How it is.</summary>
    public EndpointConditions? Conditions { get; set; }

    /// <summary>The object that it stands for; null if nobody has said.</summary>
    public EndpointReference? TargetRef { get; set; }
}

/// <summary>How an endpoint is.</summary>
internal sealed class EndpointConditions
{
    /// <summary>Whether it takes connections; null counts as true.</summary>
    public bool? Ready { get; set; }

    /// <summary>Whether it can take connections, even if it is terminating; null counts as true.</summary>
    public bool? Serving { get; set; }

    /// <summary>Whether it is terminating; null counts as false.</summary>
    public bool? Terminating { get; set; }
}

/// <summary>The object that an endpoint stands for.</summary>
internal sealed class EndpointReference
{
    /// <summary>The object's type, such as <c>Pod</c>.</summary>
    public string? Kind { get; set; }

    /// <summary>The object's namespace.</summary>
    public string? Namespace { get; set; }

    /// <summary>The object's name.</summary>
    public string? Name { get; set; }

    /// <summary>The object's identity.</summary>
    public string? Uid { get; set; }
}

/// <summary>A port of an endpoint.</summary>
internal sealed class EndpointPort
{
    /// <summary>The name that the service's port has too; null or empty for a service's only port.</summary>
    public string? Name { get; set; }

    /// <summary>The number, 1 to 65535; null if the service's target port says it.</summary>
    public int? Port { get; set; }

    /// <summary><c>TCP</c>, <c>UDP</c> or <c>SCTP</c>; null is TCP.</summary>
    public string? Protocol { get; set; }
}
