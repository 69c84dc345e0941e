namespace PortForward.Cluster.Kubeconfig;

/// <summary>The merged kubeconfig files: of every named entry, and of the current context, the first one counts.</summary>
internal sealed class MergedKubeconfig
{
    private readonly Dictionary<string, Entry> _clusters = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Entry> _users = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Entry> _contexts = new(StringComparer.Ordinal);

    private readonly List<string> _read = [];
    private readonly List<string> _missing = [];

    /// <summary>The value of KUBECONFIG; null if the files were named otherwise.</summary>
    private readonly string? _variable;

    private MergedKubeconfig(string? variable) => _variable = variable;

    /// <summary>No files at all.</summary>
    internal static MergedKubeconfig None { get; } = new(variable: null);

    /// <summary>Whether no file said anything.</summary>
    public bool IsEmpty => CurrentContext is null && _clusters.Count == 0 && _users.Count == 0 && _contexts.Count == 0;

    /// <summary>The name of the context in use unless another is asked for.</summary>
    public string? CurrentContext { get; private set; }

    /// <summary>Reads the files that kubectl would read: the one given, else those of KUBECONFIG, else <c>~/.kube/config</c>.</summary>
    /// <param name="explicitPath">The value of <c>--kubeconfig</c>; it must exist. Others may be missing.</param>
    /// <exception cref="ClusterException">A file cannot be read or is malformed, or the one given does not exist.</exception>
    public static MergedKubeconfig Load(string? explicitPath) => Load(explicitPath, LocalEnvironment.Current);

    internal static MergedKubeconfig Load(string? explicitPath, LocalEnvironment environment)
    {
        if (!string.IsNullOrEmpty(explicitPath))
        {
            var merged = new MergedKubeconfig(variable: null);
            try
            {
                merged.Add(KubeconfigFile.Read(explicitPath));
                return merged;
            }
            catch (FileNotFoundException e)
            {
                throw new ClusterException($"the kubeconfig {UntrustedText.OneLine(explicitPath)} does not exist: check --kubeconfig{PathHint.Behind(explicitPath)}", e);
            }
        }

        IReadOnlyList<string> listed = PathList.Split(environment.Variable("KUBECONFIG") ?? "");
        return listed.Count > 0
            ? LoadAll([.. listed.Distinct(StringComparer.Ordinal)], environment.Variable("KUBECONFIG"))
            : LoadAll([environment.DefaultKubeconfig()], variable: null);
    }

    /// <summary>Which files are missing, in a clause of its own; null if none is.</summary>
    internal string? Missing =>
        _missing.Count == 0 ? null
        : _read.Count > 0 ? $"KUBECONFIG also names {string.Join(", ", _missing.Select(path => UntrustedText.OneLine(path) + PathHint.Behind(path)))}, which does not exist"
        : _variable is not null ? $"KUBECONFIG names no file that exists: {UntrustedText.OneLine(_variable)}{PathHint.Behind(_variable)}"
        : $"there is no kubeconfig: {_missing[0]} does not exist, and neither --kubeconfig nor KUBECONFIG names another file";

    /// <summary>What is missing when nothing names a server, and what to do about it.</summary>
    internal string WhyNoServer => _read.Count == 0
        ? Missing!
        : WithMissing($"the kubeconfig {string.Join(", ", _read)} {(IsEmpty ? "is empty" : "sets no current-context: use --context")}");

    /// <summary>A sentence about something that was not found, with the files where it may be.</summary>
    internal string WithMissing(string sentence) => Missing is null ? sentence : $"{sentence}; {Missing}";

    internal Entry? Cluster(string name) => _clusters.GetValueOrDefault(name);

    internal Entry? User(string name) => _users.GetValueOrDefault(name);

    internal Entry? Context(string name) => _contexts.GetValueOrDefault(name);

    private static MergedKubeconfig LoadAll(IReadOnlyList<string> paths, string? variable)
    {
        var merged = new MergedKubeconfig(variable);
        foreach (string path in paths)
        {
            try
            {
                merged.Add(KubeconfigFile.Read(path));
            }
            catch (FileNotFoundException)
            {
                // kubectl goes on too: a list may name files that come and go.
                merged._missing.Add(path);
            }
        }

        return merged;
    }

    private void Add(KubeconfigFile file)
    {
        _read.Add(file.Path);
        if (file.Root is not { } root)
        {
            return;
        }

        CurrentContext ??= root.Text("current-context");
        AddEntries(root, "clusters", "cluster", _clusters, file.Path);
        AddEntries(root, "users", "user", _users, file.Path);
        AddEntries(root, "contexts", "context", _contexts, file.Path);
    }

    /// <summary>Adds the entries of a list of <c>{name: …, KIND: {…}}</c>.</summary>
    private static void AddEntries(ConfigMapping root, string list, string kind, Dictionary<string, Entry> entries, string path)
    {
        var own = new HashSet<string>(StringComparer.Ordinal);
        foreach (ConfigNode item in root.Fields.GetValueOrDefault(list) switch
        {
            null or ConfigScalar { IsNull: true } => [],
            ConfigList sequence => sequence.Items,
            { } other => throw Malformed(other, $"{list} is no list"),
        })
        {
            ConfigMapping entry = item as ConfigMapping ?? throw Malformed(item, $"an entry of {list} is no mapping");
            string name = entry.Text("name") ?? throw Malformed(entry, $"an entry of {list} has no name");

            // kubectl refuses this as well: which of the two is meant cannot be known.
            if (!own.Add(name))
            {
                throw Malformed(entry, $"{list} has two entries named \"{name}\"");
            }

            ConfigMapping fields = entry.Fields.GetValueOrDefault(kind) switch
            {
                null or ConfigScalar { IsNull: true } => ConfigMapping.Empty,
                ConfigMapping mapping => mapping,
                { } other => throw Malformed(other, $"{kind} \"{name}\" is no mapping"),
            };
            entries.TryAdd(name, new Entry(kind, name, fields, path));
        }

        ClusterException Malformed(ConfigNode at, string why) => new($"the kubeconfig {path} is malformed: {at.At}: {why}");
    }
}
