namespace PortForward.Cli.Files;

/// <summary>Where a path leads once all symbolic links in it were followed.</summary>
internal static class RealPath
{
    /// <summary>As many as systems follow.</summary>
    private const int MaxLinks = 40;

    /// <summary>The path without links; what does not exist stays as it is. Null if the links never end.</summary>
    public static string? Of(string path)
    {
        int links = 0;
        return Follow(Path.GetFullPath(path), ref links);
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

    private static string? Follow(string path, ref int links)
    {
        string? parent = Path.GetDirectoryName(path);
        if (parent is null)
        {
            return path;
        }

        if (Follow(parent, ref links) is not { } folder)
        {
            return null;
        }

        string whole = Path.Combine(folder, Path.GetFileName(path));
        if (new FileInfo(whole).LinkTarget is not { } target)
        {
            return whole;
        }

        return ++links > MaxLinks ? null : Follow(Path.GetFullPath(target, folder), ref links);
    }
}
