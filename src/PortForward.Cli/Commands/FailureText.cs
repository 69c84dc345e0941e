using PortForward.Cli.Files;
using PortForward.Cli.Output;
using PortForward.Cluster;
using PortForward.Forwarding;

namespace PortForward.Cli.Commands;

/// <summary>One line for whatever has stopped a run.</summary>
internal static class FailureText
{
    /// <summary>The line, with its reason.</summary>
    /// <param name="failure">What has stopped the run.</param>
    /// <param name="isVerbose">Whether its details are told, too.</param>
    public static OutputEvent Of(Exception failure, bool isVerbose) => failure switch
    {
        UsageException => UserMessages.Failed($"error: {failure.Message} (see pf --help)", Reasons.Usage),
        ClusterException cluster => UserMessages.Failed(cluster.IsVerbatim ? cluster.Message : $"error: {cluster.Message}", Reasons.Of(cluster), isVerbose ? cluster : null),
        FileException => UserMessages.Failed($"error: {failure.Message}", Reasons.File),
        RunException => UserMessages.Failed($"error: {failure.Message}", Reasons.Run),
        PortForwardException => UserMessages.Failed($"error: {failure.Message}", Reasons.NoPort, isVerbose ? failure : null),
        _ => UserMessages.Failed(Unexpected(failure, isVerbose), Reasons.Unexpected, isVerbose ? failure : null),
    };

    /// <summary>A fault of the program itself.</summary>
    private static string Unexpected(Exception fault, bool isVerbose)
    {
        string next = isVerbose ? "report this, with all that it has said" : "run it again with --verbose, and report what it says";
        return $"error: pf failed unexpectedly: {fault.GetType().Name}: {fault.Message} ({next})";
    }
}
