namespace PortForward.Cluster.Kubeconfig;

/// <summary>The merged kubeconfig files: of every named entry, and of the current context, the first one counts.</summary>
public sealed class MergedKubeconfig
{
    private readonly Dictionary<string, Entry> _clusters = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Entry> _users = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Entry> _contexts = new(StringComparer.Ordinal);

    private MergedKubeconfig()
    {
    }

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
        var merged = new MergedKubeconfig();
        if (!string.IsNullOrEmpty(explicitPath))
        {
            try
            {
                merged.Add(KubeconfigFile.Read(explicitPath));
                return merged;
            }
            catch (FileNotFoundException e)
            {
                throw new ClusterException($"the kubeconfig {explicitPath} does not exist: check --kubeconfig", e);
            }
        }

        foreach (string path in DefaultPaths(environment))
        {
            try
            {
                merged.Add(KubeconfigFile.Read(path));
            }
            catch (FileNotFoundException)
            {
                // kubectl goes on too: a list may name files that come and go.
            }
        }

        return merged;
    }

    internal Entry? Cluster(string name) => _clusters.GetValueOrDefault(name);

    internal Entry? User(string name) => _users.GetValueOrDefault(name);

    internal Entry? Context(string name) => _contexts.GetValueOrDefault(name);

    private static IEnumerable<string> DefaultPaths(LocalEnvironment environment)
    {
        string[] listed = (environment.Variable("KUBECONFIG") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return listed.Length > 0 ? listed.Distinct(StringComparer.Ordinal) : [environment.DefaultKubeconfig()];
    }

    private void Add(KubeconfigFile file)
    {
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
            _ => throw Malformed($"{list} is no list"),
        })
        {
            ConfigMapping entry = item as ConfigMapping ?? throw Malformed($"an entry of {list} is no mapping");
            string name = entry.Text("name") ?? throw Malformed($"an entry of {list} has no name");

            // kubectl refuses this as well: which of the two is meant cannot be known.
            if (!own.Add(name))
            {
                throw Malformed($"{list} has two entries named \"{name}\"");
            }

            entries.TryAdd(name, new Entry(kind, name, entry.Fields.GetValueOrDefault(kind) as ConfigMapping ?? ConfigMapping.Empty, path));
        }

        ClusterException Malformed(string why) => new($"the kubeconfig {path} is malformed: {why}");
    }
}
