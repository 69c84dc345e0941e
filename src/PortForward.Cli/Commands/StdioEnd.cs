using PortForward.Cli.Output;

namespace PortForward.Cli.Commands;

/// <summary>How a connection between stdin, stdout and a pod has ended.</summary>
/// <param name="ExitCode">The program's exit code.</param>
/// <param name="Error">What the user is to be told; null for nothing.</param>
/// <param name="Reason">Why, in a word that stays the same.</param>
internal sealed record StdioEnd(int ExitCode, string? Error, string Reason)
{
    private const int Success = 0, Failure = 1;

    /// <summary>The application's whole answer was written.</summary>
    public static StdioEnd Whole { get; } = new(Success, null, Reasons.Stopped);

    /// <summary>Nobody reads stdout any more.</summary>
    public static StdioEnd OutputClosed { get; } = new(ForwardRun.OutputClosed, null, Reasons.OutputFailed);

    /// <summary>Stdout cannot be written. Who has closed it knows.</summary>
    public static StdioEnd OutputFailed(StreamFault fault) => new(
        fault.IsClosed ? ForwardRun.OutputClosed : Failure,
        fault.IsWorthTelling ? $"stdout cannot be written: {fault.Reason}" : null,
        Reasons.OutputFailed);

    /// <summary>It has failed.</summary>
    /// <param name="why">Why, in one sentence.</param>
    /// <param name="reason">Why, in a word that stays the same.</param>
    public static StdioEnd Failed(string why, string reason) => new(Failure, why, reason);
}
