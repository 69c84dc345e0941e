using YamlDotNet.RepresentationModel;

namespace PortForward.Cluster.Kubeconfig;

/// <summary>A cluster, user or context of a kubeconfig: its fields, and the folder that its relative paths are meant from.</summary>
/// <remarks>It holds secrets, so it has no text form.</remarks>
internal sealed class Entry(string kind, string name, YamlMappingNode fields, string folder)
{
    /// <summary>What the entry describes, for messages: <c>cluster "prod"</c>.</summary>
    public string Label => $"{kind} \"{name}\"";

    /// <summary>Whether a field is there, whatever its value.</summary>
    public bool Has(string field) => fields.Children.ContainsKey(new YamlScalarNode(field));

    /// <summary>A text; null when it is missing or empty, which kubectl treats alike.</summary>
    public string? Text(string field) =>
        fields.Children.TryGetValue(new YamlScalarNode(field), out YamlNode? node) && node is YamlScalarNode { Value.Length: > 0 } scalar && !IsNull(scalar)
            ? scalar.Value
            : null;

    /// <summary>A truth value; false when it is missing.</summary>
    /// <exception cref="ClusterException">It is neither true nor false.</exception>
    public bool Flag(string field) => Text(field) switch
    {
        null or "false" => false,
        "true" => true,
        { } other => throw new ClusterException($"{Label} in the kubeconfig has {field}: {other}, which is neither true nor false"),
    };

    /// <summary>The path in a field, made absolute; null when it is missing.</summary>
    public string? FilePath(string field) => Text(field) is { } path ? Path.GetFullPath(path, folder) : null;

    /// <summary>The bytes of a field, given as base64 in <c>FIELD-data</c> or as a file named by <c>FIELD</c>; the data win, as in client-go.</summary>
    /// <exception cref="ClusterException">The base64 is malformed, or the file cannot be read.</exception>
    public byte[]? Bytes(string field)
    {
        if (Text($"{field}-data") is { } data)
        {
            try
            {
                return Convert.FromBase64String(data);
            }
            catch (FormatException e)
            {
                throw new ClusterException($"{Label} in the kubeconfig has a {field}-data that is no base64", e);
            }
        }

        return FilePath(field) is { } path ? LocalFile.ReadAllBytes(path, $"{field} of {Label}") : null;
    }

    private static bool IsNull(YamlScalarNode scalar) => scalar.Style == YamlDotNet.Core.ScalarStyle.Plain && scalar.Value is "null" or "~";
}
