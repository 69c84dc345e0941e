using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace PortForward.Cluster.Transport;

/// <summary>A client certificate with its key and the intermediate certificates that go with it.</summary>
/// <remarks>It holds secrets, so it has no text form.</remarks>
internal sealed class ClientCertificate
{
    private readonly byte[] _digest;

    private ClientCertificate(SslStreamCertificateContext context, byte[] digest)
    {
        Context = context;
        _digest = digest;
    }

    /// <summary>What the TLS handshake sends: the certificate and its chain.</summary>
    public SslStreamCertificateContext Context { get; }

    /// <summary>Reads PEM: certificates, the user's own first, and an RSA or EC key.</summary>
    /// <exception cref="ClusterException">One of them is malformed, of an unknown kind, or they do not belong together.</exception>
    public static ClientCertificate Load(byte[] certificatePem, byte[] keyPem, string owner)
    {
        try
        {
            string chainText = Encoding.UTF8.GetString(certificatePem);
            using var withKey = X509Certificate2.CreateFromPem(chainText, Encoding.UTF8.GetString(keyPem));

            // On Windows a key that was read from PEM cannot be used for TLS unless it has gone through a PFX.
            X509Certificate2 certificate = OperatingSystem.IsWindows()
                ? X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), password: null)
                : new X509Certificate2(withKey);
            X509Certificate2Collection chain = PemCertificates.Read(certificatePem);
            chain.RemoveAt(0);
            return new ClientCertificate(SslStreamCertificateContext.Create(certificate, chain, offline: true), Digest(certificatePem, keyPem));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new ClusterException($"the client certificate and key of {owner} cannot be used: {Reason(Encoding.UTF8.GetString(keyPem))}", e);
        }
    }

    /// <summary>What is wrong, as far as the key tells it. The fault's own message is not passed on: it is about .NET's classes.</summary>
    private static string Reason(string keyPem)
    {
        // The algorithm's identifier (RFC 8410, section 3) in base64; it is at the same place in every such key.
        const string Ed25519 = "BQYDK2Vw";
        return keyPem.Contains("ENCRYPTED", StringComparison.Ordinal) ? "the key is encrypted, and nothing says with which password; decrypt it (openssl pkey)"
            : keyPem.Contains(Ed25519, StringComparison.Ordinal) ? "the key is an Ed25519 key, which .NET does not support; ask for an RSA or EC key"
            : "they do not belong together, or one of them is no PEM";
    }

    /// <summary>Whether this certificate was read from the same texts.</summary>
    public bool IsFrom(byte[] certificatePem, byte[] keyPem) => _digest.AsSpan().SequenceEqual(Digest(certificatePem, keyPem));

    private static byte[] Digest(byte[] certificatePem, byte[] keyPem) => SHA256.HashData([.. SHA256.HashData(certificatePem), .. SHA256.HashData(keyPem)]);
}
