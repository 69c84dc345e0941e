using System.Security.Cryptography.X509Certificates;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Transport;

public sealed class CertificateNamesTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    [Theory]
    [InlineData("api.example.test", "api.example.test", true)]
    [InlineData("api.example.test", "API.Example.Test", true)]
    [InlineData("api.example.test", "api.example.test.", true)]
    [InlineData("api.example.test", "other.example.test", false)]
    [InlineData("*.example.test", "api.example.test", true)]
    [InlineData("*.example.test", "a.b.example.test", false)]
    [InlineData("*.example.test", "example.test", false)]
    [InlineData("*.example.test", ".example.test", false)]
    [InlineData("a*.example.test", "api.example.test", false)]
    [InlineData("10.0.0.1", "10.0.0.1", true)]
    [InlineData("10.0.0.1", "10.0.0.2", false)]
    [InlineData("fd00::1", "fd00:0::1", true)]
    [InlineData("fd00::1", "[fd00::1]", true)]
    [InlineData("10.0.0.1", "1", false)]
    [InlineData("0.0.0.1", "1", false)]
    [InlineData("*.0.0.1", "10.0.0.1", false)]
    public void A_name_is_looked_for_among_the_alternative_names(string certified, string name, bool matches)
    {
        using X509Certificate2 certificate = _authority.IssueServer(certified);

        CertificateNames.Matches(certificate, name).Should().Be(matches);
    }

    [Fact]
    public void The_common_name_does_not_count()
    {
        using X509Certificate2 certificate = _authority.IssueServer([], hasExpired: false, commonName: "api.example.test");

        CertificateNames.Matches(certificate, "api.example.test").Should().BeFalse();
    }

    [Fact]
    public void An_address_among_the_dns_names_does_not_count()
    {
        using X509Certificate2 certificate = _authority.IssueServer("example.test");

        CertificateNames.Mismatch(certificate, "10.0.0.1").Should().Be("x509: cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs");
        CertificateNames.Mismatch(certificate, "other.test").Should().Be("x509: certificate is valid for example.test, not other.test");
    }

    public void Dispose() => _authority.Dispose();
}
