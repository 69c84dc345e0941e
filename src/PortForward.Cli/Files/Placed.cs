namespace PortForward.Cli.Files;

/// <summary>A text of a file, with what its environment variables have filled in, and where it is.</summary>
/// <param name="Text">The text.</param>
/// <param name="At">Where it begins.</param>
internal sealed record Placed(string Text, FilePosition At);
