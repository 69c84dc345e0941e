namespace PortForward.Cli.Files;

/// <summary>A file of forwards as it was read.</summary>
/// <param name="Path">How it is shown.</param>
/// <param name="Folder">The folder that its relative paths are meant from.</param>
/// <param name="Text">Its text.</param>
/// <param name="IsNamed">Whether somebody has named it; otherwise it was found.</param>
internal sealed record FileText(string Path, string Folder, string Text, bool IsNamed);
