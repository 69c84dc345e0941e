using PortForward.Cluster.Authentication;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Connection;

/// <summary>The way to one API server and the one who takes it.</summary>
/// <remarks>It holds secrets, so it has no text form.</remarks>
internal sealed class ServerAccess
{
    /// <summary>The base address, ending in a slash.</summary>
    public required Uri Server { get; init; }

    /// <summary>Which certificates to trust.</summary>
    public required ServerTrust Trust { get; init; }

    /// <summary>The name that the certificate must bear; null for the address's own.</summary>
    public required string? ServerName { get; init; }

    /// <summary>The proxy to go through, or null.</summary>
    public required ProxyAddress? Proxy { get; init; }

    /// <summary>Where the credentials come from.</summary>
    public required ICredentialSource Credentials { get; init; }

    /// <summary>Whose credentials they are, for messages.</summary>
    public required string Owner { get; init; }

    /// <summary>The clients that wait for a connection, for whose sake credentials are renewed sooner.</summary>
    public required WaitingClients Clients { get; init; }

    /// <summary>The user to act as.</summary>
    public required Impersonation Impersonation { get; init; }

    /// <summary>The clock for limits.</summary>
    public required TimeProvider Time { get; init; }
}
