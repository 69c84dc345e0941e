namespace PortForward.Cli.Files;

/// <summary>Something that is wrong in a file.</summary>
/// <param name="At">Where.</param>
/// <param name="Sentence">What it is and what to do, in one sentence.</param>
internal sealed record FileMistake(FilePosition At, string Sentence);
