namespace PortForward.Cluster.Kubeconfig;

/// <summary>Why a path that was written by hand may lead nowhere.</summary>
internal static class PathHint
{
    /// <summary>What is wrong with the way a path, or a list of paths, is written, in brackets to follow it; empty if nothing is.</summary>
    /// <param name="text">The path as it was given.</param>
    public static string Behind(string text) => For(text, OperatingSystem.IsWindows()) is { } hint ? $" ({hint})" : "";

    /// <summary>The hint itself; null if there is none.</summary>
    internal static string? For(string text, bool isWindows)
    {
        string[] parts = text.Split('/', '\\', ':', ';');
        return text.Trim() != text ? "it begins or ends with white space: remove it"
            : text.Trim('"', '\'') != text ? "the quotes are part of the name: remove them"
            : !isWindows && IsWindowsPath(text) ? "that is a Windows path: under WSL drive C: is /mnt/c"
            : parts.Any(part => part.StartsWith('~')) ? "the shell replaces a ~ only outside quotes and at the beginning of a word: write the whole path"
            : parts.Any(IsVariable) ? "its variable was not replaced: write the whole path"
            : null;
    }

    private static bool IsWindowsPath(string text) => text.StartsWith(@"\\", StringComparison.Ordinal)
        || (text is [var drive, ':', '\\' or '/', ..] && char.IsAsciiLetter(drive));

    private static bool IsVariable(string part) => part is ['$', _, ..] or ['%', _, .., '%'];
}
