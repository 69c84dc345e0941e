using System.Text;
using k8s;
using PortForward.Cluster;
using PortForward.Testing.Api;

namespace PortForward.KubernetesClient.Tests;

/// <summary>Every kind of credentials that the official client's configuration can hold, against a server that knows its users.</summary>
public sealed class CredentialTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_kubeconfig_that_the_official_client_has_read_leads_to_the_server(bool withCertificate)
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();

        await BridgedCluster.UseAsync(bridged.Read(withCertificate).ToClusterClient());

        bridged.Cluster.Requests.Should().OnlyContain(request => request.User == "admin");
        bridged.Cluster.Requests.Should().OnlyContain(request => request.Headers.ContainsKey("Authorization") != withCertificate);
    }

    [Fact]
    public async Task A_client_certificate_may_be_in_files()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();
        using var folder = new TemporaryFolder();
        KubernetesClientConfiguration configuration = bridged.Nobody;
        (configuration.ClientCertificateFilePath, configuration.ClientKeyFilePath) = (folder["tls.crt"], folder["tls.key"]);
        await File.WriteAllTextAsync(configuration.ClientCertificateFilePath, bridged.Cluster.Admin.CertificatePem);
        await File.WriteAllTextAsync(configuration.ClientKeyFilePath, bridged.Cluster.Admin.KeyPem);

        await BridgedCluster.UseAsync(configuration.ToClusterClient());

        bridged.Cluster.Requests.Should().OnlyContain(request => request.User == "admin");
    }

    [Fact]
    public async Task A_file_goes_before_data()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();
        using var folder = new TemporaryFolder();
        TestUser other = bridged.Cluster.Users.Add("other");
        KubernetesClientConfiguration configuration = bridged.Read(withCertificate: true);
        (configuration.ClientCertificateFilePath, configuration.ClientKeyFilePath) = (folder["tls.crt"], folder["tls.key"]);
        await File.WriteAllTextAsync(configuration.ClientCertificateFilePath, other.CertificatePem);
        await File.WriteAllTextAsync(configuration.ClientKeyFilePath, other.KeyPem);

        await BridgedCluster.UseAsync(configuration.ToClusterClient());

        bridged.Cluster.Requests.Should().OnlyContain(request => request.User == "other");
    }

    [Fact]
    public async Task A_user_name_and_a_password()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();
        KubernetesClientConfiguration configuration = bridged.Nobody;
        (configuration.Username, configuration.Password) = ("admin", bridged.Cluster.Admin.Password);

        await BridgedCluster.UseAsync(configuration.ToClusterClient());

        bridged.Cluster.Requests.Should().OnlyContain(request => request.User == "admin");
    }

    [Theory]
    [InlineData(false, "token")]
    [InlineData(true, "provider")]
    public async Task A_provider_goes_before_a_token_and_a_token_before_a_password(bool withProvider, string expected)
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();
        TestUser token = bridged.Cluster.Users.Add("token");
        TestUser provider = bridged.Cluster.Users.Add("provider");
        KubernetesClientConfiguration configuration = bridged.Nobody;
        (configuration.Username, configuration.Password, configuration.AccessToken) = ("admin", bridged.Cluster.Admin.Password, token.Token);
        configuration.TokenProvider = withProvider ? RenewingProvider.Of(_ => provider.Token) : null;

        await BridgedCluster.UseAsync(configuration.ToClusterClient());

        bridged.Cluster.Requests.Should().OnlyContain(request => request.User == expected);
    }

    [Fact]
    public async Task A_token_provider_whose_token_is_refused_is_asked_again()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();
        string good = bridged.Cluster.Admin.Token;
        var provider = RenewingProvider.Of(asked => asked == 1 ? "expired" : good);
        KubernetesClientConfiguration configuration = bridged.Nobody;
        configuration.TokenProvider = provider;

        await BridgedCluster.UseAsync(configuration.ToClusterClient());

        bridged.Cluster.Requests.Should().Contain(request => request.Status == 401);
        provider.Asked.Should().BeGreaterThanOrEqualTo(2, "it was asked again");
    }

    [Fact]
    public async Task A_provider_says_a_new_token_when_the_old_one_has_expired()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();
        KubernetesClientConfiguration configuration = bridged.Nobody;
        configuration.TokenProvider = RenewingProvider.Of(_ => bridged.Cluster.Admin.Token);
        await using ClusterClient client = configuration.ToClusterClient();
        await using PodStream old = await client.DialAsync("web-1", "echo").Soon();
        await BridgedCluster.EchoAsync(old, "before");

        bridged.Cluster.Admin.RenewToken();

        await using Forward forward = await client.ForwardAsync("svc/web", ":http").Soon();
        await BridgedCluster.EchoAsync(old, "after");
    }

    [Fact]
    public async Task Who_is_refused_is_told_in_one_sentence_without_the_token()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();
        KubernetesClientConfiguration configuration = bridged.Nobody;
        configuration.AccessToken = "not-a-good-one";
        await using ClusterClient client = configuration.ToClusterClient();

        ClusterException refused = (await client.Invoking(refused => refused.ForwardAsync("svc/web", ":echo").Soon()).Should().ThrowAsync<ClusterException>()).Which;

        refused.ToString().Should().NotContain("not-a-good-one");
        refused.Message.Should().NotContain("\n");
    }

    [Fact]
    public async Task A_provider_that_fails_fails_the_start_with_its_reason()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();
        KubernetesClientConfiguration configuration = bridged.Nobody;
        configuration.TokenProvider = new RenewingProvider(_ => throw new InvalidOperationException("nobody is logged in\n   at a.stack.Trace()"));
        await using ClusterClient client = configuration.ToClusterClient();

        await client.Invoking(failing => failing.ForwardAsync("svc/web", ":echo").Soon())
            .Should().ThrowAsync<ClusterException>().WithMessage("*the token provider of the KubernetesClientConfiguration failed: nobody is logged in");
    }

    [Fact]
    public async Task Over_http_nothing_is_sent_and_no_provider_is_asked()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync(new() { PlainHttp = true });
        var provider = RenewingProvider.Of(_ => bridged.Cluster.Admin.Token);
        KubernetesClientConfiguration configuration = new()
        {
            Host = bridged.Cluster.Server.ToString(),
            TokenProvider = provider,
            ClientCertificateData = Convert.ToBase64String(Encoding.UTF8.GetBytes(bridged.Cluster.Admin.CertificatePem)),
            ClientCertificateKeyData = Convert.ToBase64String(Encoding.UTF8.GetBytes(bridged.Cluster.Admin.KeyPem)),
        };
        await using ClusterClient client = configuration.ToClusterClient();

        await client.Invoking(unknown => unknown.DialAsync("web-1", "echo").Soon()).Should().ThrowAsync<ClusterException>();

        provider.Asked.Should().Be(0);
        bridged.Cluster.Requests.Should().NotBeEmpty().And.OnlyContain(request => !request.Headers.ContainsKey("Authorization"));
    }

    [Fact]
    public async Task Acting_as_another_user_counts()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();

        await BridgedCluster.UseAsync(bridged.Admin.ToClusterClient(new ClusterClientOptions { Overrides = new() { As = "jane" } }));

        bridged.Cluster.Requests.Should().OnlyContain(request => request.Headers["Impersonate-User"].Single() == "jane");
    }
}
