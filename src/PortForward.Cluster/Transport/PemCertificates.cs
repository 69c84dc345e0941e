using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace PortForward.Cluster.Transport;

/// <summary>Reads bundles of certificates. What is no certificate, or cannot be read, is skipped, as by Go.</summary>
internal static class PemCertificates
{
    /// <summary>The certificates of a text in PEM form, in their order.</summary>
    public static X509Certificate2Collection Read(byte[] pem)
    {
        var certificates = new X509Certificate2Collection();
        ReadOnlySpan<char> rest = Encoding.UTF8.GetString(pem);
        while (PemEncoding.TryFind(rest, out PemFields block))
        {
            if (rest[block.Label] is "CERTIFICATE" && TryRead(rest[block.Base64Data]) is { } certificate)
            {
                certificates.Add(certificate);
            }

            rest = rest[block.Location.End..];
        }

        return certificates;
    }

    private static X509Certificate2? TryRead(ReadOnlySpan<char> base64)
    {
        byte[] encoded = new byte[base64.Length];
        _ = Convert.TryFromBase64Chars(base64, encoded, out int length);
        try
        {
            return X509CertificateLoader.LoadCertificate(encoded.AsSpan(0, length));
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
