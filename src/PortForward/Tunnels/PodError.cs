namespace PortForward.Tunnels;

/// <summary>What an error message of a pod means for the forward.</summary>
internal enum PodErrorKind
{
    /// <summary>A message that no rule knows: it concerns this connection.</summary>
    Unknown,

    /// <summary>Nothing listens on the port inside the pod.</summary>
    ApplicationRefused,

    /// <summary>The connection to the application died while it was in use.</summary>
    ConnectionDied,

    /// <summary>The pod's sandbox is gone: the pod is to be looked up again.</summary>
    SandboxGone,

    /// <summary>The node lacks socat, without which its runtime cannot forward at all.</summary>
    SocatMissing,
}

/// <summary>Reads the messages that runtimes send on the error stream (containerd, CRI-O and cri-dockerd word them differently).</summary>
internal static class PodError
{
    private static readonly (string Text, PodErrorKind Kind)[] Rules =
    [
        ("socat not found", PodErrorKind.SocatMissing),
        ("failed to find sandbox", PodErrorKind.SandboxGone),
        ("could not find sandbox", PodErrorKind.SandboxGone),
        ("container not running", PodErrorKind.SandboxGone),
        ("No such container", PodErrorKind.SandboxGone),
        ("connection refused", PodErrorKind.ApplicationRefused),
        ("connection reset by peer", PodErrorKind.ConnectionDied),
        ("broken pipe", PodErrorKind.ConnectionDied),
    ];

    /// <summary>Says what a message means.</summary>
    public static PodErrorKind Classify(string message)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (ContainsInOrder(message, "network namespace for sandbox", "is closed")
            || ContainsInOrder(message, "sandbox", "is not running")
            || ContainsInOrder(message, "PodSandbox with ID", "not found"))
        {
            return PodErrorKind.SandboxGone;
        }

        foreach ((string text, PodErrorKind kind) in Rules)
        {
            if (message.Contains(text, StringComparison.OrdinalIgnoreCase))
            {
                return kind;
            }
        }

        return PodErrorKind.Unknown;
    }

    private static bool ContainsInOrder(string message, string first, string second)
    {
        int at = message.IndexOf(first, StringComparison.OrdinalIgnoreCase);
        return at >= 0 && message.IndexOf(second, at + first.Length, StringComparison.OrdinalIgnoreCase) >= 0;
    }
}
