namespace PortForward.Cli.Commands;

/// <summary>The command behind <c>--</c> was not started; one sentence that says why.</summary>
/// <param name="message">The sentence.</param>
/// <param name="exitCode">What a shell reports in such a case.</param>
internal sealed class CommandException(string message, int exitCode) : Exception(message)
{
    /// <summary>The program's exit code.</summary>
    public int ExitCode => exitCode;
}
