namespace PortForward.Cluster.Api;

/// <summary>Which objects of a collection are meant.</summary>
/// <param name="LabelSelector">A label selector in the API's text form, or null for no condition.</param>
/// <param name="FieldSelector">A field selector in the API's text form, or null for no condition.</param>
internal sealed record ApiSelection(string? LabelSelector = null, string? FieldSelector = null)
{
    /// <summary>All objects.</summary>
    public static ApiSelection All { get; } = new();

    /// <summary>The one object of a name.</summary>
    public static ApiSelection Named(string name) => new(FieldSelector: $"metadata.name={name}");

    /// <summary>The query parameters, each followed by '&amp;'.</summary>
    internal string Query => Parameter("labelSelector", LabelSelector) + Parameter("fieldSelector", FieldSelector);

    private static string Parameter(string name, string? value) => string.IsNullOrEmpty(value) ? "" : $"{name}={Uri.EscapeDataString(value)}&";
}
