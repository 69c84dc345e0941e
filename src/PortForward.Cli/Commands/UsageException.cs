namespace PortForward.Cli.Commands;

/// <summary>The command line cannot be understood; the message is one sentence without the hint at <c>--help</c>.</summary>
internal sealed class UsageException : Exception
{
    public UsageException(string message)
        : base(message)
    {
    }
}
