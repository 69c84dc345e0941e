using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PortForward.Cli.Tests.Support;

/// <summary>A certificate that has nothing to do with any cluster, and its key.</summary>
internal static class StrangersCertificate
{
    static StrangersCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=stranger", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        CertificatePem = certificate.ExportCertificatePem();
        KeyPem = key.ExportPkcs8PrivateKeyPem();
    }

    public static string CertificatePem { get; }

    public static string KeyPem { get; }
}
