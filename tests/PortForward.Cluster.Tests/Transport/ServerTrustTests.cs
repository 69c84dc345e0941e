using System.Security.Cryptography.X509Certificates;
using System.Text;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Transport;

public sealed class ServerTrustTests : IDisposable
{
    private const string Name = "api.example.test";

    private readonly TestAuthority _root = new();
    private readonly TestAuthority _other = new("CN=other");
    private readonly TestAuthority _intermediate;

    public ServerTrustTests() => _intermediate = new TestAuthority("CN=intermediate", _root);

    [Fact]
    public void Every_authority_of_a_bundle_counts()
    {
        ServerTrust trust = Pool($"a comment\n{_other.Pem}\n# another\n{_root.Pem}\n");

        Check(trust, _root.IssueServer(Name)).Should().BeNull();
        Check(trust, _other.IssueServer(Name)).Should().BeNull();
        Check(Pool(_other.Pem), _root.IssueServer(Name)).Should().Be("x509: certificate signed by unknown authority");
    }

    [Fact]
    public void An_intermediate_that_the_server_sends_leads_to_the_root()
    {
        Check(Pool(_root.Pem), _intermediate.IssueServer(Name), _intermediate.Certificate).Should().BeNull();
        Check(Pool(_root.Pem), _intermediate.IssueServer(Name)).Should().Be("x509: certificate signed by unknown authority");
    }

    [Fact]
    public void An_intermediate_can_be_the_anchor()
    {
        Check(Pool(_intermediate.Pem), _intermediate.IssueServer(Name)).Should().BeNull();
        Check(Pool(_intermediate.Pem), _intermediate.IssueServer(Name), _intermediate.Certificate, _root.Certificate).Should().BeNull();
        Check(Pool(_intermediate.Pem), _root.IssueServer(Name), _root.Certificate).Should().Be("x509: certificate signed by unknown authority");
    }

    [Fact]
    public void What_is_above_the_anchor_does_not_matter()
    {
        using var expired = new TestAuthority("CN=expired root", hasExpired: true);
        using var below = new TestAuthority("CN=below", expired);

        Check(Pool(below.Pem), below.IssueServer(Name), below.Certificate, expired.Certificate).Should().BeNull();
        Check(Pool(expired.Pem), below.IssueServer(Name), below.Certificate).Should().StartWith("x509: certificate has expired");
    }

    [Fact]
    public void The_servers_own_certificate_can_be_the_anchor()
    {
        using X509Certificate2 leaf = _intermediate.IssueServer(Name);

        Check(Pool(leaf.ExportCertificatePem()), leaf).Should().BeNull();
        Check(Pool(leaf.ExportCertificatePem()), _intermediate.IssueServer(Name)).Should().Be("x509: certificate signed by unknown authority");
    }

    [Fact]
    public void A_certificate_that_only_claims_to_be_from_the_anchor_is_refused()
    {
        using var impostor = new TestAuthority("CN=intermediate", _other);
        using var impostorRoot = new TestAuthority("CN=root");

        Check(Pool(_intermediate.Pem), impostor.IssueServer(Name), impostor.Certificate).Should().NotBeNull();
        Check(Pool(_intermediate.Pem), impostor.IssueServer(Name), _intermediate.Certificate).Should().NotBeNull();
        Check(Pool(_intermediate.Pem), impostor.IssueServer(Name)).Should().NotBeNull();
        Check(Pool(_root.Pem), impostorRoot.IssueServer(Name)).Should().NotBeNull();
        Check(Pool(_root.Pem), impostorRoot.IssueServer(Name), _root.Certificate).Should().NotBeNull();
    }

    [Fact]
    public void The_name_is_checked_whatever_the_authority()
    {
        Check(Pool(_root.Pem), _root.IssueServer("other.example.test")).Should().Be($"x509: certificate is valid for other.example.test, not {Name}");
        Check(Pool(_root.Pem), _root.IssueServer([], hasExpired: false, commonName: Name)).Should().Be($"x509: certificate is not valid for any names, but wanted to match {Name}");
    }

    [Fact]
    public void An_expired_certificate_is_refused()
    {
        Check(Pool(_root.Pem), _root.IssueServer([Name], hasExpired: true)).Should().StartWith("x509: certificate has expired or is not yet valid");
    }

    [Fact]
    public void A_certificate_for_clients_is_refused()
    {
        Check(Pool(_root.Pem), _root.IssueServer([Name], hasExpired: false, forClients: true)).Should().NotBeNull();
    }

    [Fact]
    public void The_system_does_not_know_the_tests_authority() =>
        Check(ServerTrust.System, _root.IssueServer(Name), _root.Certificate).Should().Be("x509: certificate signed by unknown authority");

    [Fact]
    public void Insecure_accepts_anything() => Check(ServerTrust.Insecure, _root.IssueServer(["x"], hasExpired: true)).Should().BeNull();

    [Theory]
    [InlineData("")]
    [InlineData("no PEM")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")]
    public void A_bundle_without_a_certificate_is_refused(string pem)
    {
        Action pool = () => Pool(pem);

        pool.Should().Throw<ClusterException>().WithMessage("the certificate authority of cluster \"c\" contains no certificate in PEM form");
    }

    public void Dispose()
    {
        _root.Dispose();
        _other.Dispose();
        _intermediate.Dispose();
    }

    private static ServerTrust Pool(string pem) => ServerTrust.Pool(Encoding.UTF8.GetBytes(pem), "cluster \"c\"");

    private static string? Check(ServerTrust trust, X509Certificate2 certificate, params X509Certificate2[] sent) => trust.Check(certificate, [.. sent], Name);
}
