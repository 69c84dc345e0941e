using YamlDotNet.RepresentationModel;

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
    public static MergedKubeconfig Load(string? explicitPath)
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

        foreach (string path in DefaultPaths())
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

    private static IEnumerable<string> DefaultPaths()
    {
        string[] listed = (Environment.GetEnvironmentVariable("KUBECONFIG") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return listed.Length > 0
            ? listed.Distinct(StringComparer.Ordinal)
            : [Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".kube", "config")];
    }

    private void Add(KubeconfigFile file)
    {
        if (file.Root is not { } root)
        {
            return;
        }

        string folder = Path.GetDirectoryName(file.Path)!;
        CurrentContext ??= root.Children.TryGetValue(new YamlScalarNode("current-context"), out YamlNode? current) && current is YamlScalarNode { Value.Length: > 0 } named
            ? named.Value
            : null;
        AddEntries(root, "clusters", "cluster", _clusters, file.Path, folder);
        AddEntries(root, "users", "user", _users, file.Path, folder);
        AddEntries(root, "contexts", "context", _contexts, file.Path, folder);
    }

    /// <summary>Adds the entries of a list of <c>{name: …, KIND: {…}}</c>.</summary>
    private static void AddEntries(YamlMappingNode root, string list, string kind, Dictionary<string, Entry> entries, string path, string folder)
    {
        if (!root.Children.TryGetValue(new YamlScalarNode(list), out YamlNode? node) || node is not YamlSequenceNode sequence)
        {
            return;
        }

        foreach (YamlNode item in sequence.Children)
        {
            if (item is not YamlMappingNode fields
                || !fields.Children.TryGetValue(new YamlScalarNode("name"), out YamlNode? nameNode)
                || nameNode is not YamlScalarNode { Value: { } name })
            {
                throw new ClusterException($"the kubeconfig {path} is malformed: an entry of {list} has no name");
            }

            YamlMappingNode body = fields.Children.TryGetValue(new YamlScalarNode(kind), out YamlNode? given) && given is YamlMappingNode mapping ? mapping : new YamlMappingNode();
            entries.TryAdd(name, new Entry(kind, name, body, folder));
        }
    }
}
