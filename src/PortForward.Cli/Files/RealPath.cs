namespace PortForward.Cli.Files;

/// <summary>Where a path leads once all symbolic links in it were followed.</summary>
internal static class RealPath
{
    /// <summary>As many as systems follow.</summary>
    private const int MaxLinks = 40;

    private const string Here = ".", Above = "..";

    /// <summary>
    /// The path without links; what does not exist stays as it is. As the system does it, <c>..</c> in a link's target leads to the folder above the one that was
    /// reached, which may be another than the one before it in the text. Null if the links never end.
    /// </summary>
    public static string? Of(string path)
    {
        string full = Path.GetFullPath(path);
        string real = Path.GetPathRoot(full)!;
        var rest = new Stack<string>(Parts(full[real.Length..]));
        int links = 0;
        while (rest.TryPop(out string? part))
        {
            string next = part == Above ? Path.GetDirectoryName(real) ?? real : Path.Combine(real, part);
            if (part == Above || new FileInfo(next).LinkTarget is not { } target)
            {
                real = next;
                continue;
            }

            if (++links > MaxLinks)
            {
                return null;
            }

            int root = Path.GetPathRoot(target)?.Length ?? 0;
            real = root == 0 ? real : Path.GetFullPath(target[..root], real);
            foreach (string piece in Parts(target[root..]))
            {
                rest.Push(piece);
            }
        }

        return real;
    }

    /// <summary>Whether a path leads into a folder or to it.</summary>
    public static bool IsWithin(string path, string folder)
    {
        if (Of(path) is not { } real || Of(folder) is not { } root)
        {
            return false;
        }

        StringComparison comparison = OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        root = Path.TrimEndingDirectorySeparator(root);
        return real.Equals(root, comparison) || real.StartsWith(Path.EndsInDirectorySeparator(root) ? root : root + Path.DirectorySeparatorChar, comparison);
    }

    /// <summary>The parts of a path, the last one first.</summary>
    private static IEnumerable<string> Parts(string path) =>
        path.Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries).Where(static part => part != Here).Reverse();
}
