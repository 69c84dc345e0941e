namespace PortForward.Cli.Files;

/// <summary>A file of forwards cannot be used: each line says why, in one sentence with the place in the file if there is one.</summary>
/// <param name="lines">The sentences.</param>
internal sealed class FileException(IReadOnlyList<string> lines) : Exception(lines[0])
{
    /// <summary>The most that is told of one file.</summary>
    private const int MaxTold = 50;

    /// <summary>One sentence about the file as a whole.</summary>
    public FileException(string line)
        : this([line])
    {
    }

    /// <summary>The sentences.</summary>
    public IReadOnlyList<string> Lines => lines;

    /// <summary>The mistakes of a file, as compilers write them: <c>FILE:LINE:COLUMN: SENTENCE</c>.</summary>
    public static FileException Of(string path, IReadOnlyCollection<FileMistake> mistakes)
    {
        IEnumerable<string> told = mistakes.Take(MaxTold).Select(mistake => $"{path}:{mistake.At}: {mistake.Sentence}");
        return new FileException([.. told, .. mistakes.Count > MaxTold ? [$"{path} has {mistakes.Count - MaxTold} more mistakes"] : Array.Empty<string>()]);
    }
}
