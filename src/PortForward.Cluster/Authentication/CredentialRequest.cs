using Microsoft.Extensions.Logging;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Authentication;

/// <summary>All that credentials can depend on.</summary>
/// <remarks>It holds secrets, so it has no text form.</remarks>
internal sealed class CredentialRequest
{
    /// <summary>The API server.</summary>
    public required ServerAddress Server { get; init; }

    /// <summary>The cluster's entry in the kubeconfig, or null.</summary>
    public required Entry? Cluster { get; init; }

    /// <summary>How the API server is recognized.</summary>
    public required TrustedServer Trusted { get; init; }

    /// <summary>The user's entry in the kubeconfig, or null.</summary>
    public required Entry? User { get; init; }

    /// <summary>The pod's service account, if it is the one to use.</summary>
    public required ServiceAccount? ServiceAccount { get; init; }

    /// <summary>The flags, which go first.</summary>
    public required ClusterOverrides Overrides { get; init; }

    /// <summary>Where the program runs.</summary>
    public required LocalEnvironment Environment { get; init; }

    /// <summary>The clients that wait for a connection.</summary>
    public required WaitingClients Clients { get; init; }

    /// <summary>The clock by which credentials age.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>For diagnostics.</summary>
    public required ILoggerFactory Loggers { get; init; }

    /// <summary>Whose credentials they are, for messages.</summary>
    public string Owner => User?.Label ?? (ServiceAccount is not null && Overrides.Token is null ? "the service account" : "the command line");

    /// <summary>The user's name, as kubectl's validation messages have it.</summary>
    public string UserName => User?.Name ?? "the command line";
}
