using PortForward.Forwarding;

namespace PortForward.Cluster.Authentication;

/// <summary>Credentials cannot be renewed, or the server refuses them, and only a login helps. It is told at once, and every 10 minutes while it lasts.</summary>
/// <param name="Reason">What has failed, in a clause.</param>
public sealed record LoginNeeded(string Reason) : ForwardEvent
{
    /// <summary>Whether an identity provider could not be reached, which may pass without a login.</summary>
    public bool IsOutage { get; init; }
}
