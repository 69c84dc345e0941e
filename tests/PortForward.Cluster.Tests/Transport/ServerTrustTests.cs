using System.Globalization;
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

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void An_authority_that_was_renewed_under_its_name_counts_whichever_comes_first(bool oldHasIdentifier, bool leafNamesKey)
    {
        using var old = new TestAuthority("CN=kubernetes", hasKeyIdentifier: oldHasIdentifier);
        using var renewed = new TestAuthority("CN=kubernetes");
        using var between = new TestAuthority("CN=between", renewed);
        X509Certificate2 leaf = renewed.IssueServer([Name], hasExpired: false, namesKey: leafNamesKey);

        Check(Pool(old.Pem + "\n" + renewed.Pem), leaf).Should().BeNull();
        Check(Pool(renewed.Pem + "\n" + old.Pem), leaf).Should().BeNull();
        Check(Pool(old.Pem + "\n" + renewed.Pem), between.IssueServer(Name), between.Certificate).Should().BeNull();
        Check(Pool(old.Pem), leaf).Should().Be("x509: certificate signed by unknown authority");
        Check(Pool(old.Pem + "\n" + renewed.Pem), old.IssueServer([Name], hasExpired: true)).Should().StartWith("x509: certificate has expired");
        Check(Pool(old.Pem + "\n" + renewed.Pem), renewed.IssueServer("other.test")).Should().Be($"x509: certificate is valid for other.test, not {Name}");
    }

    [Fact]
    public void An_authority_that_has_expired_does_not_hide_the_one_that_was_made_anew_with_its_key()
    {
        using var expired = new TestAuthority("CN=kubernetes", hasExpired: true);
        using var anew = new TestAuthority("CN=kubernetes", sameKeyAs: expired);
        X509Certificate2 leaf = anew.IssueServer([Name], hasExpired: false, namesKey: true);

        Check(Pool(expired.Pem + "\n" + anew.Pem), leaf).Should().BeNull();
        Check(Pool(anew.Pem + "\n" + expired.Pem), leaf).Should().BeNull();
        Check(Pool(expired.Pem), leaf).Should().StartWith("x509: certificate has expired");
    }

    [Fact]
    public void Of_several_intermediates_of_one_name_the_one_that_leads_to_an_anchor_counts()
    {
        using var strange = new TestAuthority("CN=intermediate", _other);
        using var crossed = new TestAuthority("CN=intermediate", _other, sameKeyAs: _intermediate);
        X509Certificate2 leaf = _intermediate.IssueServer(Name);

        foreach (X509Certificate2[] sent in (X509Certificate2[][])
        [
            [strange.Certificate, _intermediate.Certificate],
            [_intermediate.Certificate, strange.Certificate],
            [crossed.Certificate, _intermediate.Certificate],
            [_intermediate.Certificate, crossed.Certificate],
            [crossed.Certificate, strange.Certificate, _intermediate.Certificate, _other.Certificate],
        ])
        {
            Check(Pool(_root.Pem), leaf, sent).Should().BeNull();
        }

        Check(Pool(_root.Pem), leaf, strange.Certificate, crossed.Certificate).Should().Be("x509: certificate signed by unknown authority");
    }

    [Fact]
    public void A_server_that_sends_many_certificates_of_one_name_is_refused_in_bounded_time()
    {
        TestAuthority[] ring = [.. Enumerable.Range(0, 12).Select(_ => new TestAuthority("CN=ring"))];
        using var issuer = new TestAuthority("CN=ring");
        var clock = System.Diagnostics.Stopwatch.StartNew();

        Check(Pool(_root.Pem), issuer.IssueServer(Name), [.. ring.Select(one => one.Certificate)]).Should().Be("x509: certificate signed by unknown authority");

        clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(20));
        foreach (TestAuthority one in ring)
        {
            one.Dispose();
        }
    }

    [Theory]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{0}")]
    [InlineData("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n{0}")]
    [InlineData("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n{0}")]
    [InlineData("-----BEGIN CERTIFICATE-----\nMIIB\n{0}")]
    [InlineData("-----BEGIN CERTIFICATE-----\nX: y\n\nMIIB\n-----END CERTIFICATE-----\n{0}")]
    [InlineData("-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n{0}")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n{0}")]
    [InlineData("Certificate:\n  Data: x\n{0}junk-----BEGIN CERTIFICATE-----\n")]
    [InlineData("{0}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    public void What_cannot_be_read_in_a_bundle_is_skipped(string bundle)
    {
        Check(Pool(string.Format(CultureInfo.InvariantCulture, bundle, _root.Pem + "\n")), _root.IssueServer(Name)).Should().BeNull();
        Check(Pool(string.Format(CultureInfo.InvariantCulture, bundle, _root.Pem.ReplaceLineEndings("\r\n") + "\r\n")), _root.IssueServer(Name)).Should().BeNull();
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
