namespace PortForward.Cluster.Kubeconfig;

/// <summary>What the program finds around it: environment variables, the terminal, a pod's service account.</summary>
internal sealed record LocalEnvironment
{
    /// <summary>The real one.</summary>
    public static LocalEnvironment Current { get; } = new();

    /// <summary>Reads an environment variable.</summary>
    public Func<string, string?> Variables { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>Whether someone can type into standard input.</summary>
    public Func<bool> IsInputTerminal { get; init; } = () => !Console.IsInputRedirected;

    /// <summary>Where the kubelet puts a pod's service account.</summary>
    public string ServiceAccountFolder { get; init; } = "/var/run/secrets/kubernetes.io/serviceaccount";

    /// <summary>An environment variable's value; null when it is missing or empty, which Go does not tell apart.</summary>
    public string? Variable(string name) => Variables(name) is { Length: > 0 } value ? value : null;

    /// <summary>The user's kubeconfig, <c>~/.kube/config</c>. On Windows the first of kubectl's three home folders that has one.</summary>
    public string DefaultKubeconfig()
    {
        string?[] homes = OperatingSystem.IsWindows()
            ? [Variable("HOME"), Variable("HOMEDRIVE") + Variable("HOMEPATH"), Variable("USERPROFILE")]
            : [Variable("HOME")];
        string[] candidates =
        [
            .. from home in homes
               where !string.IsNullOrEmpty(home)
               select Path.Combine(home, ".kube", "config"),
            Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".kube", "config"),
        ];
        return candidates.FirstOrDefault(File.Exists) ?? candidates[0];
    }
}
