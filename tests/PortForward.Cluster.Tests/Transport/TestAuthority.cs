using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PortForward.Cluster.Tests.Transport;

/// <summary>A certificate authority of the test's own.</summary>
internal sealed class TestAuthority : IDisposable
{
    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private readonly X509Certificate2 _certificate;

    /// <summary>A root, or an authority below another one.</summary>
    public TestAuthority(string name = "CN=root", TestAuthority? above = null, bool hasExpired = false, bool hasKeyIdentifier = true, TestAuthority? sameKeyAs = null)
    {
        using ECDsa key = sameKeyAs?._certificate.GetECDsaPrivateKey() ?? ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        if (hasKeyIdentifier)
        {
            request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        }

        (DateTimeOffset from, DateTimeOffset to) = Validity(hasExpired);
        if (above is null)
        {
            _certificate = request.CreateSelfSigned(from, to);
            return;
        }

        using X509Certificate2 issued = above.Sign(request, from, to);
        _certificate = issued.CopyWithPrivateKey(key);
    }

    public string Pem => _certificate.ExportCertificatePem();

    /// <summary>The authority's certificate without its key.</summary>
    public X509Certificate2 Certificate => X509CertificateLoader.LoadCertificate(_certificate.RawData);

    /// <summary>A server certificate; names are IP addresses or DNS names.</summary>
    public X509Certificate2 IssueServer(params string[] names) => IssueServer(names, hasExpired: false);

    public X509Certificate2 IssueServer(string[] names, bool hasExpired, string commonName = "server", bool forClients = false, bool namesKey = false)
    {
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (string name in names)
        {
            if (IPAddress.TryParse(name, out IPAddress? address))
            {
                alternatives.AddIpAddress(address);
            }
            else
            {
                alternatives.AddDnsName(name);
            }
        }

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        List<X509Extension> extensions = names.Length > 0 ? [alternatives.Build()] : [];
        if (namesKey)
        {
            extensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_certificate, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        }

        using X509Certificate2 issued = Issue($"CN={commonName}", key, forClients ? ClientAuthentication : ServerAuthentication, extensions, hasExpired);
        return X509CertificateLoader.LoadPkcs12(issued.Export(X509ContentType.Pfx), password: null);
    }

    /// <summary>A client certificate, with the authority's own behind it if that is not a root.</summary>
    public (string CertificatePem, string KeyPem) IssueClient(string name, bool withChain = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 issued = Issue($"CN={name}", key, ClientAuthentication, [], hasExpired: false);
        return (issued.ExportCertificatePem() + "\n" + (withChain ? Pem : ""), key.ExportECPrivateKeyPem());
    }

    public void Dispose() => _certificate.Dispose();

    private static (DateTimeOffset From, DateTimeOffset To) Validity(bool hasExpired) => hasExpired
        ? (DateTimeOffset.UtcNow.AddDays(-20), DateTimeOffset.UtcNow.AddDays(-1))
        : (DateTimeOffset.UtcNow.AddDays(-30), DateTimeOffset.UtcNow.AddDays(30));

    /// <summary>Signs whatever the dates are.</summary>
    private X509Certificate2 Sign(CertificateRequest request, DateTimeOffset from, DateTimeOffset to) =>
        request.Create(_certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(_certificate.GetECDsaPrivateKey()!), from, to, Serial());

    private static byte[] Serial() => [1, .. RandomNumberGenerator.GetBytes(15)];

    private X509Certificate2 Issue(string subject, ECDsa key, Oid usage, IEnumerable<X509Extension> extensions, bool hasExpired)
    {
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([usage], false));
        foreach (X509Extension extension in extensions)
        {
            request.CertificateExtensions.Add(extension);
        }

        (DateTimeOffset from, DateTimeOffset to) = Validity(hasExpired);
        using X509Certificate2 issued = Sign(request, from, to);
        return issued.CopyWithPrivateKey(key);
    }
}
