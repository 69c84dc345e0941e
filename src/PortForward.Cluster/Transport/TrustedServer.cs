using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Transport;

/// <summary>How the API server is to be recognized.</summary>
/// <param name="Trust">Which certificates to trust.</param>
/// <param name="Name">The name that the certificate must bear and that is asked for (SNI); null for the address's own.</param>
/// <param name="IsInsecure">Whether anything is accepted.</param>
/// <param name="Authority">The authorities in PEM; null for the system's.</param>
internal sealed record TrustedServer(ServerTrust Trust, string? Name, bool IsInsecure, byte[]? Authority)
{
    /// <summary>Puts flags, kubeconfig and service account together.</summary>
    /// <exception cref="ClusterException">They contradict each other, or the authorities cannot be read.</exception>
    public static TrustedServer Resolve(ServerAddress server, Entry? cluster, ServiceAccount? own, ClusterOverrides overrides)
    {
        string? name = overrides.TlsServerName ?? (overrides.Server is null ? cluster?.Text("tls-server-name") : null);
        bool insecure = overrides.InsecureSkipTlsVerify || (overrides.CertificateAuthority is null && cluster?.Flag("insecure-skip-tls-verify") == true);
        byte[]? authority = overrides.CertificateAuthority is { } path ? LocalFile.ReadAllBytes(path, "--certificate-authority")
            : overrides.InsecureSkipTlsVerify ? null
            : cluster?.Bytes("certificate-authority") ?? own?.CertificateAuthority();
        if (!server.IsSecure)
        {
            return new TrustedServer(ServerTrust.System, name, insecure, authority);
        }

        if (insecure && authority is not null)
        {
            throw new ClusterException("specifying a root certificates file with the insecure flag is not allowed: leave out one of certificate-authority and insecure-skip-tls-verify");
        }

        string owner = overrides.CertificateAuthority is not null ? "--certificate-authority" : cluster?.Label ?? "the service account";
        return new TrustedServer(
            insecure ? ServerTrust.Insecure : authority is not null ? ServerTrust.Pool(authority, owner) : ServerTrust.System,
            name,
            insecure,
            authority);
    }
}
