using PortForward.Cli.Output;

namespace PortForward.Cli.Commands;

/// <summary>What the views of all forwards of a run have in common.</summary>
/// <param name="IsAlone">Whether there is only one forward, whose name need not be told.</param>
/// <param name="Output">Takes what is said on stdout.</param>
/// <param name="Stderr">Takes everything else.</param>
internal sealed record RunView(bool IsAlone, RunOutput Output, Stderr Stderr)
{
    /// <summary>Whether each forward's lines wait until all are ready.</summary>
    public required bool AreLinesHeld { get; init; }

    /// <summary>Whether connections that went well are told on stderr too.</summary>
    public required bool IsVerbose { get; init; }

    /// <summary>Whether nothing is told on stderr but what is wrong: it is a command's as well.</summary>
    public required bool OnlyFaults { get; init; }

    /// <summary>When the program has started, as a timestamp of <see cref="System.Diagnostics.Stopwatch"/>.</summary>
    public required long Started { get; init; }
}
