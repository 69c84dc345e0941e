using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Authentication;

/// <summary>A client certificate and its key, as they are given: each as a file or as data.</summary>
/// <remarks>It holds secrets, so it has no text form.</remarks>
internal sealed class CertificatePair
{
    private readonly CredentialRequest _request;
    private readonly string? _certificateFile;
    private readonly string? _keyFile;
    private readonly byte[] _certificate;
    private readonly byte[] _key;

    private CertificatePair(CredentialRequest request, string? certificateFile, byte[] certificate, string? keyFile, byte[] key)
    {
        _request = request;
        _certificateFile = certificateFile;
        _certificate = certificate;
        _keyFile = keyFile;
        _key = key;
    }

    /// <summary>Reads the pair; flags go first, each for itself. A key alone counts for nothing, as for kubectl.</summary>
    /// <returns>The pair; null if there is no certificate.</returns>
    /// <exception cref="ClusterException">The key is missing, or one cannot be read.</exception>
    public static CertificatePair? Find(CredentialRequest request)
    {
        (string? certificateFile, byte[]? certificate) = Read(request.Overrides.ClientCertificate, request.User, "client-certificate");
        if (certificate is null)
        {
            return null;
        }

        (string? keyFile, byte[]? key) = Read(request.Overrides.ClientKey, request.User, "client-key");
        return key is not null
            ? new CertificatePair(request, certificateFile, certificate, keyFile, key)
            : throw Entry.Invalid($"client-key-data or client-key must be specified for {request.UserName} to use the clientCert authentication method.");
    }

    /// <summary>
    /// A source that adds the certificate to what another one says. If both are files, they are checked for changes from time to time, as by client-go.
    /// </summary>
    /// <exception cref="ClusterException">The pair cannot be used.</exception>
    public CertifiedCredentials Beside(ICredentialSource source) => new(
        source,
        ClientCertificate.Load(_certificate, _key, _request.Owner),
        _certificateFile is not null && _keyFile is not null ? (_certificateFile, _keyFile) : null,
        _request.Owner,
        _request.Time);

    private static (string? File, byte[]? Content) Read(string? flag, Entry? user, string field)
    {
        if (flag is not null)
        {
            return (flag, LocalFile.ReadAllBytes(flag, $"--{field}"));
        }

        return user?.Bytes(field) is { } content ? (user.FilePath(field), content) : default;
    }
}
