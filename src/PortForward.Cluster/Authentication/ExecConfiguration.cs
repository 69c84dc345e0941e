using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Authentication;

/// <summary>Whether a credential plug-in gets the terminal's input.</summary>
internal enum InteractiveMode
{
    /// <summary>It never does.</summary>
    Never,

    /// <summary>It does if there is a terminal.</summary>
    IfAvailable,

    /// <summary>It cannot do without.</summary>
    Always,
}

/// <summary>The <c>exec</c> section of a user: the program that hands out credentials (client.authentication.k8s.io/v1 and v1beta1).</summary>
/// <remarks>It may hold secrets, so it has no text form.</remarks>
internal sealed class ExecConfiguration
{
    private const string Group = "client.authentication.k8s.io/";

    private ExecConfiguration()
    {
    }

    /// <summary>The command: a path if it contains a separator, made absolute from the kubeconfig's folder; else a name to look up in PATH.</summary>
    public required string Command { get; init; }

    /// <summary>The arguments, each for itself.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>Variables that are added to the program's own environment.</summary>
    public required IReadOnlyList<KeyValuePair<string, string>> Variables { get; init; }

    /// <summary>The version that both sides speak.</summary>
    public required string ApiVersion { get; init; }

    /// <summary>Whether it gets the terminal's input.</summary>
    public required InteractiveMode InteractiveMode { get; init; }

    /// <summary>Whether it is told about the cluster.</summary>
    public required bool ProvidesClusterInfo { get; init; }

    /// <summary>What to tell someone who has not got the program; null if nothing.</summary>
    public required string? InstallHint { get; init; }

    /// <summary>Reads a section, with client-go's validation.</summary>
    /// <exception cref="ClusterException">Something is missing or malformed.</exception>
    public static ExecConfiguration Read(Entry user, ConfigMapping exec)
    {
        string command = exec.Text("command") ?? throw Entry.Invalid($"command must be specified for {user.Name} to use exec authentication plugin");
        string version = exec.Text("apiVersion") ?? throw Entry.Invalid($"apiVersion must be specified for {user.Name} to use exec authentication plugin");
        if (version is not (Group + "v1" or Group + "v1beta1"))
        {
            throw new ClusterException($"exec plugin: invalid apiVersion \"{version}\" of {user.Label}: update the plug-in and its entry in the kubeconfig to {Group}v1 or v1beta1");
        }

        return new ExecConfiguration
        {
            Command = command.Contains('/') || command.Contains(Path.DirectorySeparatorChar) ? Path.GetFullPath(command, user.Folder) : command,
            Arguments = user.List(exec, "args"),
            Variables = [.. user.Mappings(exec, "env").Select(variable => KeyValuePair.Create(
                variable.Text("name") ?? throw Entry.Invalid($"env variable name must be specified for {user.Name} to use exec authentication plugin"),
                variable.Text("value") ?? ""))],
            ApiVersion = version,
            InteractiveMode = exec.Text("interactiveMode") switch
            {
                "Never" => InteractiveMode.Never,
                "IfAvailable" => InteractiveMode.IfAvailable,
                "Always" => InteractiveMode.Always,
                null when version == Group + "v1beta1" => InteractiveMode.IfAvailable,
                null => throw Entry.Invalid($"interactiveMode must be specified for {user.Name} to use exec authentication plugin"),
                { } other => throw Entry.Invalid($"invalid interactiveMode for {user.Name}: \"{other}\""),
            },
            ProvidesClusterInfo = user.Flag(exec, "provideClusterInfo"),
            InstallHint = exec.Text("installHint"),
        };
    }
}
