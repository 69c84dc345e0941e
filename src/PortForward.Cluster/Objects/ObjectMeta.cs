namespace PortForward.Cluster.Objects;

/// <summary>What every object of the API server has.</summary>
internal interface IApiObject
{
    /// <summary>The object's name and history.</summary>
    ObjectMeta? Metadata { get; }
}

/// <summary>An object's name and history (<c>meta/v1 ObjectMeta</c>).</summary>
internal sealed class ObjectMeta
{
    /// <summary>The name, unique among the objects of one resource in one namespace.</summary>
    public string Name { get; set; } = "";

    /// <summary>The identity: a new object of the same name has another.</summary>
    public string? Uid { get; set; }

    /// <summary>The moment of the object's last change, as the server writes it.</summary>
    public string? ResourceVersion { get; set; }

    /// <summary>What selectors look at.</summary>
    public IDictionary<string, string>? Labels { get; set => field = NullElements.Drop(value); }

    /// <summary>Notes, such as a replica set's revision.</summary>
    public IDictionary<string, string>? Annotations { get; set => field = NullElements.Drop(value); }

    /// <summary>When the object was made.</summary>
    public DateTime? CreationTimestamp { get; set; }

    /// <summary>Until when the object ends; null while nobody has deleted it.</summary>
    public DateTime? DeletionTimestamp { get; set; }

    /// <summary>The objects this one was made for.</summary>
    public IList<OwnerReference>? OwnerReferences { get; set => field = NullElements.Drop(value); }
}

/// <summary>An object that another one was made for.</summary>
internal sealed class OwnerReference
{
    /// <summary>The owner's type, such as <c>ReplicaSet</c>.</summary>
    public string? Kind { get; set; }

    /// <summary>The owner's name.</summary>
    public string Name { get; set; } = "";

    /// <summary>Whether the owner is the one that manages the object.</summary>
    public bool? Controller { get; set; }
}
