namespace PortForward.Cli.Files;

/// <summary>A place in a file.</summary>
/// <param name="Line">The line, counted from 1.</param>
/// <param name="Column">The character in the line, counted from 1.</param>
internal readonly record struct FilePosition(int Line, int Column)
{
    /// <summary>The order of a file.</summary>
    public static Comparer<FilePosition> Order { get; } =
        Comparer<FilePosition>.Create(static (one, other) => (one.Line, one.Column).CompareTo((other.Line, other.Column)));

    public override string ToString() => $"{Line}:{Column}";
}
