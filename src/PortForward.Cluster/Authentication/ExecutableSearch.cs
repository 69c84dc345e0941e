using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Authentication;

/// <summary>
/// Looks a command up as Go does: in PATH only. .NET would look beside its own program and in the current folder first, and so run
/// whatever a stranger put there.
/// </summary>
internal static class ExecutableSearch
{
    /// <summary>Finds a program.</summary>
    /// <param name="command">An absolute path, or a name without a separator.</param>
    /// <param name="environment">Whose PATH to look in.</param>
    /// <returns>Its full path; null if there is none.</returns>
    public static string? Find(string command, LocalEnvironment environment)
    {
        if (Path.IsPathRooted(command))
        {
            return WithExtensions(command, environment).FirstOrDefault(IsExecutable);
        }

        IEnumerable<string> folders = PathList.Split(environment.Variable("PATH") ?? "").Where(Path.IsPathFullyQualified);
        return folders.SelectMany(folder => WithExtensions(Path.Combine(folder, command), environment)).FirstOrDefault(IsExecutable);
    }

    private static IEnumerable<string> WithExtensions(string path, LocalEnvironment environment) => !OperatingSystem.IsWindows() || Path.HasExtension(path)
        ? [path]
        : (environment.Variable("PATHEXT") ?? ".COM;.EXE;.BAT;.CMD").Split(';', StringSplitOptions.RemoveEmptyEntries).Select(extension => path + extension);

    private static bool IsExecutable(string path)
    {
        const UnixFileMode AnyExecute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        return File.Exists(path) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & AnyExecute) != UnixFileMode.None);
    }
}
