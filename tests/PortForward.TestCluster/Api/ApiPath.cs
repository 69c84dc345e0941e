namespace PortForward.Testing.Api;

/// <summary>What a path of the Kubernetes API means.</summary>
internal abstract record ApiPath
{
    private ApiPath()
    {
    }

    /// <summary>Null for a path of a resource that the server does not know.</summary>
    public static ApiPath? Parse(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries).Select(Uri.UnescapeDataString).ToArray();
        return parts switch
        {
            ["api", var version, .. var rest] when rest.Length > 0 => ParseResource("", version, rest),
            ["apis", var group, var version, .. var rest] when rest.Length > 0 => ParseResource(group, version, rest),
            _ => new Discovery(path),
        };
    }

    private static Resource? ParseResource(string group, string version, string[] parts)
    {
        string? inNamespace = null;
        if (parts is ["namespaces", var name, var next, ..] && next is not ("status" or "finalize"))
        {
            inNamespace = name;
            parts = parts[2..];
        }

        if (parts.Length > 3 || ResourceType.Find(group, version, parts[0]) is not { } type || (inNamespace is not null && !type.Namespaced))
            return null;
        return new Resource(type, inNamespace, parts.ElementAtOrDefault(1), parts.ElementAtOrDefault(2));
    }

    /// <summary>/version, /api, /apis and their documents, and everything else outside the resources.</summary>
    public sealed record Discovery(string Path) : ApiPath;

    /// <summary>A collection, an object or a subresource.</summary>
    public sealed record Resource(ResourceType Type, string? Namespace, string? Name, string? Subresource) : ApiPath;
}
