using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using k8s;
using PortForward.Cluster;
using PortForward.Testing;

namespace PortForward.KubernetesClient.Tests;

/// <summary>A cluster client reaches the server that its configuration names, and refuses any other.</summary>
public sealed class ServerTests
{
    private static readonly TestClusterOptions ForAnotherHost = new() { CertificateNames = ["api.example.test"] };

    [Fact]
    public async Task A_certificate_for_another_host_is_refused()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync(ForAnotherHost);
        await using ClusterClient client = bridged.Admin.ToClusterClient();

        await FailsAsync(client, "*x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs");
        bridged.Cluster.Requests.Should().BeEmpty();
    }

    [Fact]
    public async Task What_the_official_client_accepts_says_nothing_about_the_name()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync(ForAnotherHost);
        using var official = new Kubernetes(bridged.Admin);

        (await official.CoreV1.ListNamespacedPodAsync("default")).Items.Should().ContainSingle("it checks no name where it is given an authority");
    }

    [Fact]
    public async Task The_name_in_the_certificate_may_be_given()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync(ForAnotherHost);
        KubernetesClientConfiguration configuration = bridged.Admin;
        configuration.TlsServerName = "api.example.test";

        await BridgedCluster.UseAsync(configuration.ToClusterClient());
    }

    [Fact]
    public async Task A_name_that_is_given_must_be_in_the_certificate()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();
        KubernetesClientConfiguration configuration = bridged.Admin;
        configuration.TlsServerName = "api.example.test";
        await using ClusterClient client = configuration.ToClusterClient();

        await FailsAsync(client, "*x509: certificate is valid for localhost, not api.example.test");
    }

    [Fact]
    public async Task An_authority_that_is_not_the_servers_is_refused()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();
        KubernetesClientConfiguration configuration = bridged.Admin;
        configuration.SslCaCerts = [NewAuthority()];
        await using ClusterClient client = configuration.ToClusterClient();

        await FailsAsync(client, "*x509: certificate signed by unknown authority");
        bridged.Cluster.Requests.Should().BeEmpty();
    }

    [Fact]
    public async Task Without_an_authority_only_the_systems_count()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();
        KubernetesClientConfiguration configuration = bridged.Admin;
        configuration.SslCaCerts = null;
        await using ClusterClient client = configuration.ToClusterClient();

        await FailsAsync(client, "*x509: certificate signed by unknown authority");
    }

    [Fact]
    public async Task One_of_several_authorities_is_enough()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();
        KubernetesClientConfiguration configuration = bridged.Admin;
        configuration.SslCaCerts = [NewAuthority(), .. configuration.SslCaCerts];

        await BridgedCluster.UseAsync(configuration.ToClusterClient());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Checks_are_left_out_when_the_configuration_says_so(bool withAuthority)
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync(ForAnotherHost);
        KubernetesClientConfiguration configuration = bridged.Admin;
        configuration.SkipTlsVerify = true;
        configuration.SslCaCerts = withAuthority ? [NewAuthority()] : null;

        await BridgedCluster.UseAsync(configuration.ToClusterClient());
    }

    [Fact]
    public async Task The_server_may_be_behind_a_path()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync(new() { PathPrefix = "/clusters/one" });
        KubernetesClientConfiguration configuration = bridged.Admin;
        configuration.Host = new Uri(bridged.Cluster.Server, "/clusters/one").ToString();

        using var official = new Kubernetes(configuration);
        await BridgedCluster.UseAsync(official.ToClusterClient(configuration));

        bridged.Cluster.Requests.Should().OnlyContain(request => request.PathPrefix == "/clusters/one");
    }

    [Theory]
    [InlineData(null, null, "default")]
    [InlineData(" ", null, "default")]
    [InlineData("shop", null, "shop")]
    [InlineData("shop", "other", "other")]
    public async Task The_namespace_is_the_options_or_the_configurations_or_default(string? configured, string? option, string expected)
    {
        var configuration = new KubernetesClientConfiguration { Host = "https://localhost:6443", Namespace = configured };

        await using ClusterClient client = configuration.ToClusterClient(new ClusterClientOptions { Namespace = option });

        client.Namespace.Should().Be(expected);
        client.Server.Should().Be("https://localhost:6443/");
    }

    private static async Task FailsAsync(ClusterClient client, string message) =>
        await client.Invoking(refused => refused.DialAsync("web-1", "echo").Soon()).Should().ThrowAsync<ClusterException>().WithMessage(message);

    private static X509Certificate2 NewAuthority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test-cluster-ca", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
