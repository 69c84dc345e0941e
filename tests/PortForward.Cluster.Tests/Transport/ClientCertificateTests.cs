using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Transport;

public sealed class ClientCertificateTests : IDisposable
{
    /// <summary>A self-signed certificate for an Ed25519 key.</summary>
    private const string Ed25519Certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBMDCB46ADAgECAhRotM7noAzirOvH+dq+fXrVTzzoLjAFBgMrZXAwDTELMAkG
        A1UEAwwCZWQwIBcNMjYxMTIzMTIwNTI1WhgPMjEyNjEwMzAxMjA1MjVaMA0xCzAJ
        BgNVBAMMAmVkMCowBQYDK2VwAyEA1Ul9TJqtH/aSW+yF+2yDiieAdIo78dkkOskH
        i47UsGejUzBRMB0GA1UdDgQWBBR6xHf6EVbBmwvH9TG2dxZLOv7J5zAfBgNVHSME
        GDAWgBR6xHf6EVbBmwvH9TG2dxZLOv7J5zAPBgNVHRMBAf8EBTADAQH/MAUGAytl
        cANBAI+71bbg5c+T7z7/AzrV9hV4ZtBjFrVkITYkpjixm6FQx9tiCXRGCOhGyFnh
        1AFwSXiY9/x8nxWehRFe4ZWXbgo=
        -----END CERTIFICATE-----
        """;

    private readonly TestAuthority _root = new();

    [Fact]
    public void An_EC_key_in_its_own_form_or_in_PKCS8_will_do()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        string certificate = SelfSigned(new CertificateRequest("CN=ec", key, HashAlgorithmName.SHA256));

        Load(certificate, key.ExportECPrivateKeyPem()).Should().Be("CN=ec");
        Load(certificate, key.ExportPkcs8PrivateKeyPem()).Should().Be("CN=ec");
    }

    [Fact]
    public void An_RSA_key_in_its_own_form_or_in_PKCS8_will_do()
    {
        using var key = RSA.Create(2048);
        string certificate = SelfSigned(new CertificateRequest("CN=rsa", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));

        Load(certificate, key.ExportRSAPrivateKeyPem()).Should().Be("CN=rsa");
        Load(certificate, key.ExportPkcs8PrivateKeyPem()).Should().Be("CN=rsa");
    }

    [Fact]
    public void Text_around_the_PEM_does_not_matter()
    {
        (string certificate, string key) = _root.IssueClient("jane");

        Load($"subject=jane\n{certificate}\n# end", $"Bag Attributes\n{key}").Should().Be("CN=jane");
        Load(certificate.ReplaceLineEndings("\r\n"), key.ReplaceLineEndings("\r\n")).Should().Be("CN=jane");
        Load($"{key}\n{certificate}", $"{certificate}\n{key}").Should().Be("CN=jane");
    }

    [Fact]
    public void The_parameters_that_openssl_writes_before_an_EC_key_do_not_matter()
    {
        (string certificate, string key) = _root.IssueClient("jane");

        Load(certificate, $"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{key}").Should().Be("CN=jane");
    }

    [Fact]
    public void The_certificates_behind_it_go_with_it()
    {
        using var intermediate = new TestAuthority("CN=intermediate", _root);
        (string certificate, string key) = intermediate.IssueClient("jane", withChain: true);

        var loaded = ClientCertificate.Load(Encoding.UTF8.GetBytes(certificate), Encoding.UTF8.GetBytes(key), "me");

        loaded.Context.IntermediateCertificates.Select(one => one.Subject).Should().Equal("CN=intermediate");
    }

    [Fact]
    public void It_knows_what_it_was_read_from()
    {
        (string certificate, string key) = _root.IssueClient("jane");
        byte[] certificatePem = Encoding.UTF8.GetBytes(certificate);
        byte[] keyPem = Encoding.UTF8.GetBytes(key);
        var loaded = ClientCertificate.Load(certificatePem, keyPem, "me");

        loaded.IsFrom([.. certificatePem], [.. keyPem]).Should().BeTrue();
        loaded.IsFrom([.. certificatePem, .. "\n"u8], keyPem).Should().BeFalse();
        loaded.IsFrom(certificatePem[..^1], [certificatePem[^1], .. keyPem]).Should().BeFalse();
    }

    [Fact]
    public void An_Ed25519_key_is_refused_with_the_reason()
    {
        byte[] key = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20, .. RandomNumberGenerator.GetBytes(32)];

        Fault(Ed25519Certificate, PemEncoding.WriteString("PRIVATE KEY", key)).Should().Be("the client certificate and key of me cannot be used: the key is an Ed25519 key, which .NET does not support; ask for an RSA or EC key");
    }

    [Fact]
    public void An_encrypted_key_is_refused_with_the_reason()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string certificate = SelfSigned(new CertificateRequest("CN=ec", key, HashAlgorithmName.SHA256));
        string encrypted = key.ExportEncryptedPkcs8PrivateKeyPem("word", new PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1000));

        Fault(certificate, encrypted).Should().Be("the client certificate and key of me cannot be used: the key is encrypted, and nothing says with which password; decrypt it (openssl pkey)");
    }

    [Fact]
    public void A_key_of_another_certificate_is_refused()
    {
        (string certificate, _) = _root.IssueClient("jane");
        (_, string otherKey) = _root.IssueClient("john");
        using var rsa = RSA.Create(2048);

        Fault(certificate, otherKey).Should().Be("the client certificate and key of me cannot be used: they do not belong together, or one of them is no PEM");
        Fault(certificate, rsa.ExportRSAPrivateKeyPem()).Should().Be("the client certificate and key of me cannot be used: they do not belong together, or one of them is no PEM");
    }

    [Fact]
    public void What_is_no_PEM_is_refused_and_not_repeated()
    {
        (string certificate, string key) = _root.IssueClient("jane");

        foreach ((string badCertificate, string badKey)
            in new[]
            { ("", key), (certificate, ""), ("s3cr3t", key), (certificate, "s3cr3t"), (key, key), (certificate, certificate), (certificate[..^60], key), (certificate, key[..^60]) })
        {
            Fault(badCertificate, badKey).Should().StartWith("the client certificate and key of me cannot be used: ").And.NotContain("s3cr3t");
        }
    }

    public void Dispose() => _root.Dispose();

    private static string SelfSigned(CertificateRequest request)
    {
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return certificate.ExportCertificatePem();
    }

    private static string Load(string certificate, string key) =>
        ClientCertificate.Load(Encoding.UTF8.GetBytes(certificate), Encoding.UTF8.GetBytes(key), "me").Context.TargetCertificate.Subject;

    private static string Fault(string certificate, string key)
    {
        Action load = () => Load(certificate, key);
        return load.Should().Throw<ClusterException>().Which.Message;
    }
}
