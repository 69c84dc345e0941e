using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cluster;

/// <summary>What is said of connections, in plain words.</summary>
internal static class ConnectionText
{
    /// <summary>Why a connection failed, with what to do next; null when nothing went wrong.</summary>
    /// <param name="end">How it ended.</param>
    /// <param name="port">The pod's port.</param>
    public static string? Describe(ConnectionEnd end, string port) => end.Kind switch
    {
        ConnectionEndKind.Completed or ConnectionEndKind.ClientGone or ConnectionEndKind.Stopped => null,
        ConnectionEndKind.PodFailed => DescribePodError(end.PodMessage!, port),
        ConnectionEndKind.PodReset => "the pod reset the connection",
        ConnectionEndKind.NoCompletionStatus => "the pod ended its data but never said whether that was all of it",
        ConnectionEndKind.TunnelLost => "the tunnel to the pod was lost; the next connection opens a new one",
        ConnectionEndKind.Unanswered => "the container runtime on the pod's node did not answer; the next connection opens another tunnel",
        ConnectionEndKind.NoTunnel when end.Fault!.Kind == TunnelFaultKind.NoPod => end.Fault.Message,
        ConnectionEndKind.NoTunnel => $"no tunnel to the pod: {FaultText.Describe(end.Fault!).Message}",
        _ => throw new ArgumentOutOfRangeException(nameof(end)),
    };

    private static string DescribePodError(string message, string port) => PodError.Classify(message) switch
    {
        PodErrorKind.ApplicationRefused => $"pod refused connections on port {port}; is the application listening? port-forward connects to localhost inside the pod, "
            + "where one that listens on the pod's address only, or in a sandbox with its own network stack, is not reached",
        PodErrorKind.ConnectionDied => "the application in the pod reset the connection",
        PodErrorKind.SandboxGone => "the pod is gone or not running any more",
        PodErrorKind.SocatMissing => "the pod's node lacks socat, without which its runtime cannot forward ports; have it installed there",
        _ => OneLine(message),
    };

    private static string OneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
