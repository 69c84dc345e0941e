namespace PortForward.Cli.Commands;

/// <summary>The run cannot go on: its command was not started, its ports file cannot be written, or it may open too few files. One sentence says why.</summary>
/// <param name="message">The sentence.</param>
/// <param name="exitCode">The exit code.</param>
internal sealed class RunException(string message, int exitCode) : Exception(message)
{
    /// <summary>The program's exit code.</summary>
    public int ExitCode => exitCode;
}
