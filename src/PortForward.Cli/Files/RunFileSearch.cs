namespace PortForward.Cli.Files;

/// <summary>
/// Finds the file that nobody has named: <c>pf.yaml</c> or <c>.pf.yaml</c> in the current folder or one above it up to the repository's root, else the user's own.
/// </summary>
internal static class RunFileSearch
{
    /// <summary>The names of the file, and the one that is written.</summary>
    public const string Name = "pf.yaml", Hidden = ".pf.yaml";

    private static readonly string[] Misnamed = ["pf.yml", ".pf.yml"];

    /// <summary>Finds it.</summary>
    /// <param name="current">The current folder.</param>
    /// <param name="userFolder">Where the user's own file is; null if that is not known.</param>
    /// <returns>Its path, and the folder that it must be in once links are followed, if that matters; null if there is none.</returns>
    /// <exception cref="FileException">Two are in one folder.</exception>
    public static (string Path, string? Within)? Find(string current, string? userFolder)
    {
        string[] folders = Folders(current);
        return folders.Select(FindIn).FirstOrDefault(static path => path is not null) is { } path ? (path, folders[^1])
            : userFolder is not null && FindIn(userFolder) is { } own ? (own, null)
            : null;
    }

    /// <summary>Finds a file that was meant to be found, and has the other usual ending.</summary>
    /// <param name="current">The current folder.</param>
    /// <param name="userFolder">Where the user's own file is; null if that is not known.</param>
    /// <returns>Its name if it is in the current folder, else its path; null if there is none.</returns>
    public static string? FindMisnamed(string current, string? userFolder)
    {
        IEnumerable<string> folders = userFolder is null ? Folders(current) : [.. Folders(current), userFolder];
        return folders.SelectMany(folder => Misnamed.Select(name => folder == current ? name : Path.Combine(folder, name))).FirstOrDefault(File.Exists);
    }

    /// <summary>The folder of the user's own file.</summary>
    /// <param name="variables">Reads an environment variable.</param>
    public static string? UserFolder(Func<string, string?> variables)
    {
        (string variable, string? usual) = OperatingSystem.IsWindows() ? ("APPDATA", null) : ("XDG_CONFIG_HOME", variables("HOME") is { Length: > 0 } home ? Path.Combine(home, ".config") : null);
        string? folder = variables(variable) is { Length: > 0 } named && Path.IsPathFullyQualified(named) ? named : usual; // The specification ignores relative ones.
        return folder is null ? null : Path.Combine(folder, "pf");
    }

    /// <summary>The current folder and those above it up to the repository's root; outside of a repository it alone.</summary>
    private static string[] Folders(string current)
    {
        string[] above = [.. WithParents(current)];
        int root = Array.FindIndex(above, IsRepository);
        return root < 0 ? [current] : above[..(root + 1)];
    }

    private static IEnumerable<string> WithParents(string folder)
    {
        for (string? next = folder; next is not null; next = Path.GetDirectoryName(next))
        {
            yield return next;
        }
    }

    /// <summary>In a worktree or a submodule it is a file.</summary>
    private static bool IsRepository(string folder) => Path.Exists(Path.Combine(folder, ".git"));

    private static string? FindIn(string folder)
    {
        string[] found = [.. ((string[])[Name, Hidden]).Select(name => Path.Combine(folder, name)).Where(IsThere)];
        return found.Length > 1 ? throw new FileException($"{folder} has both {Name} and {Hidden}: keep one, or name it with -f") : found.FirstOrDefault();
    }

    /// <summary>A link that leads nowhere is there, too.</summary>
    private static bool IsThere(string path) => Path.Exists(path) || new FileInfo(path).LinkTarget is not null;
}
