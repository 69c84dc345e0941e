using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PortForward.Testing.Certificates;

/// <summary>A certificate authority that lives as long as the cluster, and what it signs.</summary>
public sealed class ClusterCertificates : IDisposable
{
    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private readonly X509Certificate2 _authority;

    internal ClusterCertificates()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test-cluster-ca", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        _authority = request.CreateSelfSigned(NotBefore, NotAfter);
    }

    /// <summary>The authority's certificate, as a kubeconfig's certificate-authority-data holds it (before base64).</summary>
    public string AuthorityPem => _authority.ExportCertificatePem();

    private static DateTimeOffset NotBefore => DateTimeOffset.UtcNow.AddHours(-1);

    private static DateTimeOffset NotAfter => DateTimeOffset.UtcNow.AddDays(30);

    /// <summary>Issues a server certificate; each name is an IP address or a DNS name.</summary>
    public X509Certificate2 IssueServer(IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            if (IPAddress.TryParse(name, out var address))
                alternatives.AddIpAddress(address);
            else
                alternatives.AddDnsName(name);
        }

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issued = Issue(new X500DistinguishedName("CN=kube-apiserver"), key, ServerAuthentication, alternatives.Build());

        // Windows serves TLS only from keys that were imported from a PFX.
        return X509CertificateLoader.LoadPkcs12(issued.Export(X509ContentType.Pfx), password: null);
    }

    /// <summary>Issues a client certificate the way the API server reads it: the common name is the user, organizations are groups.</summary>
    public (string CertificatePem, string KeyPem) IssueClient(string user, IEnumerable<string> groups)
    {
        ArgumentNullException.ThrowIfNull(groups);
        var subject = new X500DistinguishedNameBuilder();
        foreach (var group in groups)
            subject.AddOrganizationName(group);
        subject.AddCommonName(user);

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issued = Issue(subject.Build(), key, ClientAuthentication, alternatives: null);
        return (issued.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    /// <inheritdoc />
    public void Dispose() => _authority.Dispose();

    internal bool IsIssuedHere(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(ClientAuthentication);
        return chain.Build(certificate);
    }

    private X509Certificate2 Issue(X500DistinguishedName subject, ECDsa key, Oid usage, X509Extension? alternatives)
    {
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([usage], critical: false));
        if (alternatives is not null)
            request.CertificateExtensions.Add(alternatives);

        using var issued = request.Create(_authority, NotBefore, new DateTimeOffset(_authority.NotAfter), RandomNumberGenerator.GetBytes(16));
        return issued.CopyWithPrivateKey(key);
    }
}
