namespace PortForward.Cluster.Objects;

/// <summary>A list of objects, or a page of one.</summary>
/// <typeparam name="T">The objects' type.</typeparam>
internal sealed class ObjectList<T>
{
    /// <summary>The version of the list, and its next page.</summary>
    public ListMeta? Metadata { get; set; }

    /// <summary>The objects.</summary>
    public IList<T>? Items { get; set; }
}

/// <summary>The version of a list, and its next page.</summary>
internal sealed class ListMeta
{
    /// <summary>The moment of the list, where a watch goes on from.</summary>
    public string? ResourceVersion { get; set; }

    /// <summary>Asks for the next page; null or empty on the last one.</summary>
    public string? Continue { get; set; }
}
