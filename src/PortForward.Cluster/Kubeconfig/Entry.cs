namespace PortForward.Cluster.Kubeconfig;

/// <summary>A cluster, user or context of a kubeconfig: its fields, and the file that it is in.</summary>
/// <remarks>It holds secrets, so it has no text form.</remarks>
internal sealed class Entry(string kind, string name, ConfigMapping fields, string file)
{
    /// <summary>What the entry describes, for messages: <c>cluster "prod"</c>.</summary>
    public string Label => $"{kind} \"{name}\"";

    /// <summary>The entry's name.</summary>
    public string Name => name;

    /// <summary>The file that the entry is in, as a full path.</summary>
    public string File => file;

    /// <summary>The folder that relative paths are meant from.</summary>
    public string Folder => Path.GetDirectoryName(file)!;

    /// <summary>A text; null when it is missing or empty, which kubectl treats alike.</summary>
    /// <exception cref="ClusterException">It is a list or a mapping.</exception>
    public string? Text(string field) => fields.Fields.GetValueOrDefault(field) is { } other and not ConfigScalar
        ? throw Malformed(other, field, "is no text")
        : fields.Text(field);

    /// <summary>A truth value; false when it is missing.</summary>
    /// <exception cref="ClusterException">It is neither true nor false.</exception>
    public bool Flag(string field) => Flag(fields, field);

    /// <summary>A list of texts; empty when it is missing.</summary>
    /// <exception cref="ClusterException">It is something else.</exception>
    public IReadOnlyList<string> List(string field) => List(fields, field);

    /// <summary>A mapping; null when it is missing.</summary>
    /// <exception cref="ClusterException">It is something else.</exception>
    public ConfigMapping? Mapping(string field) => fields.Fields.GetValueOrDefault(field) switch
    {
        null or ConfigScalar { IsNull: true } => null,
        ConfigMapping mapping => mapping,
        { } other => throw Malformed(other, field, "is no mapping"),
    };

    /// <summary>The items of a list of mappings, such as <c>extensions</c>; empty when it is missing.</summary>
    /// <exception cref="ClusterException">It is something else.</exception>
    public IEnumerable<ConfigMapping> Mappings(string field) => Mappings(fields, field);

    /// <summary>As <see cref="Flag(string)"/>, for a mapping inside the entry.</summary>
    /// <exception cref="ClusterException">It is neither true nor false.</exception>
    public bool Flag(ConfigMapping within, string field) => within.Fields.GetValueOrDefault(field) switch
    {
        null or ConfigScalar { IsNull: true } => false,
        ConfigScalar { Truth: { } truth } => truth,
        { } other => throw Malformed(other, field, "is neither true nor false"),
    };

    /// <summary>As <see cref="List(string)"/>, for a mapping inside the entry.</summary>
    /// <exception cref="ClusterException">It is something else.</exception>
    public IReadOnlyList<string> List(ConfigMapping within, string field) =>
        [.. Items(within, field).Select(item => item is ConfigScalar scalar ? scalar.Value : throw Malformed(item, field, "is no list of texts"))];

    /// <summary>As <see cref="Mappings(string)"/>, for a mapping inside the entry.</summary>
    /// <exception cref="ClusterException">It is something else.</exception>
    public IEnumerable<ConfigMapping> Mappings(ConfigMapping within, string field) =>
        Items(within, field).Select(item => item as ConfigMapping ?? throw Malformed(item, field, "is no list of mappings"));

    /// <summary>The path in a field, made absolute; null when it is missing.</summary>
    public string? FilePath(string field) => Text(field) is { } path ? Path.GetFullPath(path, Folder) : null;

    /// <summary>The bytes of a field, given as base64 in <c>FIELD-data</c> or as a file named by <c>FIELD</c>.</summary>
    /// <exception cref="ClusterException">Both are there, which client-go's validation refuses too; the base64 is malformed; or the file cannot be read.</exception>
    public byte[]? Bytes(string field)
    {
        string? path = FilePath(field);
        if (Text($"{field}-data") is not { } data)
        {
            return path is null ? null : LocalFile.ReadAllBytes(path, $"{field} of {Label}");
        }

        if (path is not null)
        {
            throw Invalid($"{field}-data and {field} are both specified for {name}: keep one of them");
        }

        try
        {
            return Convert.FromBase64String(data);
        }
        catch (FormatException)
        {
            throw Malformed(fields.Fields[$"{field}-data"], $"{field}-data", "is no base64");
        }
    }

    /// <summary>A contradiction that kubectl's validation finds too.</summary>
    public static ClusterException Invalid(string what) => new(what);

    private IReadOnlyList<ConfigNode> Items(ConfigMapping within, string field) => within.Fields.GetValueOrDefault(field) switch
    {
        null or ConfigScalar { IsNull: true } => [],
        ConfigList list => list.Items,
        { } other => throw Malformed(other, field, "is no list"),
    };

    private ClusterException Malformed(ConfigNode at, string field, string why) => new($"{Label} in the kubeconfig {file} is malformed: {at.At}: {field} {why}");
}
