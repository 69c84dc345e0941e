namespace PortForward;

/// <summary>Why a file cannot be read or written, in words for users: those of .NET name files that nobody has asked for.</summary>
internal static class FileFault
{
    /// <summary>Why a file cannot be read, to follow its path and a colon.</summary>
    /// <param name="path">The path as the user knows it.</param>
    /// <param name="fault">What the attempt has thrown.</param>
    public static string WhyUnreadable(string path, Exception fault) =>
        Directory.Exists(path) ? "it is a folder"
        : IsMissing(fault) ? "it does not exist"
        : Text(fault);

    /// <summary>Why a file cannot be written, and what to do about it.</summary>
    /// <param name="path">The path as the user knows it. What was written may have been another file in its folder.</param>
    /// <param name="fault">What the attempt has thrown.</param>
    public static string WhyUnwritable(string path, Exception fault)
    {
        string? folder = Path.GetDirectoryName(path);
        return Directory.Exists(path) ? "it is a folder"
            : folder is { Length: > 0 } && File.Exists(folder) ? $"{folder} is no folder"
            : folder is { Length: > 0 } && IsMissing(fault) ? $"there is no folder {folder} (create it first)"
            : Text(fault);
    }

    /// <summary>Whether the file, or its folder, is not there.</summary>
    public static bool IsMissing(Exception fault) => fault is FileNotFoundException or DirectoryNotFoundException;

    private static string Text(Exception fault) => fault switch
    {
        UnauthorizedAccessException => "permission denied",
        PathTooLongException => "the path is too long",
        _ => WithoutPath(UntrustedText.OneLine(fault.Message)).TrimEnd('.'),
    };

    /// <summary>.NET adds the path to the system's own words, as <c>No space left on device : '/tmp/x'</c>.</summary>
    private static string WithoutPath(string message) =>
        message.EndsWith('\'') && message.IndexOf(" : '", StringComparison.Ordinal) is > 0 and int path ? message[..path] : message;
}
