namespace PortForward.Cluster.Kubeconfig;

/// <summary>A piece of a kubeconfig: a text, a list or a mapping. Aliases share the node of their anchor, so that a tree costs no more than its file.</summary>
/// <remarks>It holds secrets, so it has no text form.</remarks>
internal abstract class ConfigNode(ConfigPosition at)
{
    /// <summary>Where it begins in its file.</summary>
    public ConfigPosition At => at;
}

/// <summary>A text or another plain value, and where it is in its file.</summary>
/// <param name="value">The value.</param>
/// <param name="isPlain">Whether it was written without quotes, so that YAML may take it for something else than a text.</param>
/// <param name="start">The offset of its first character, an opening quote included.</param>
/// <param name="end">The offset after its last character.</param>
/// <param name="at">Where it begins.</param>
internal sealed class ConfigScalar(string value, bool isPlain, int start, int end, ConfigPosition at) : ConfigNode(at)
{
    public string Value => value;

    public bool IsPlain => isPlain;

    public int Start => start;

    public int End => end;

    /// <summary>Whether YAML reads it as nothing at all.</summary>
    public bool IsNull => isPlain && value is "" or "~" or "null" or "Null" or "NULL";

    /// <summary>The truth value that it stands for, with YAML 1.1's other spellings as in kubectl; null if it stands for none.</summary>
    public bool? Truth => value switch
    {
        "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" when isPlain => true,
        "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF" when isPlain => false,
        _ => null,
    };
}

/// <summary>A list.</summary>
internal sealed class ConfigList(IReadOnlyList<ConfigNode> items, ConfigPosition at) : ConfigNode(at)
{
    public IReadOnlyList<ConfigNode> Items => items;
}

/// <summary>A mapping. Of a key that is there twice the last one counts, as for kubectl.</summary>
/// <param name="fields">The values by key.</param>
/// <param name="firstKey">The offset of its first key in the file; null if it has none of its own.</param>
/// <param name="isFlow">Whether it is written in braces.</param>
/// <param name="at">Where it begins.</param>
internal sealed class ConfigMapping(IReadOnlyDictionary<string, ConfigNode> fields, int? firstKey, bool isFlow, ConfigPosition at) : ConfigNode(at)
{
    public static ConfigMapping Empty { get; } = new(new Dictionary<string, ConfigNode>(StringComparer.Ordinal), firstKey: null, isFlow: true, default);

    public IReadOnlyDictionary<string, ConfigNode> Fields => fields;

    public int? FirstKey => firstKey;

    public bool IsFlow => isFlow;

    /// <summary>A field's text; null when it is missing, empty or null, which kubectl treats alike, or no text.</summary>
    public string? Text(string field) =>
        fields.GetValueOrDefault(field) is ConfigScalar { Value.Length: > 0, IsNull: false } scalar ? scalar.Value : null;
}
