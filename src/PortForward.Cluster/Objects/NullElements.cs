namespace PortForward.Cluster.Objects;

/// <summary>
/// What the objects make of <c>null</c> inside a list or a map: nothing. A serializer that respects nullable annotations checks properties and not elements, and no
/// server of Kubernetes means anything by it.
/// </summary>
internal static class NullElements
{
    /// <summary>The list without its nulls.</summary>
    public static IList<T>? Drop<T>(IList<T>? list)
        where T : class => list is null || !list.Contains(null!) ? list : [.. list.Where(static element => element is not null)];

    /// <summary>The map without the keys that lead to null.</summary>
    public static IDictionary<string, string>? Drop(IDictionary<string, string>? map) => map is null || !map.Values.Contains(null!)
        ? map
        : map.Where(static entry => entry.Value is not null).ToDictionary(StringComparer.Ordinal);
}
