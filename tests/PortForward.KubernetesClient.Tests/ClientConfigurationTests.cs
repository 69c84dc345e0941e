using System.Reflection;
using k8s;
using PortForward.Cluster;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;

namespace PortForward.KubernetesClient.Tests;

/// <summary>What is carried over, what is refused, and that nothing else is silently left out.</summary>
public sealed class ClientConfigurationTests
{
    private const string Secret = "c2VjcmV0";

    /// <summary>What has no meaning for forwards. Everything else is carried over or refused, and tested here or against the embedded cluster.</summary>
    private static readonly string[] WithoutMeaning =
    [
        nameof(KubernetesClientConfiguration.CurrentContext),
        nameof(KubernetesClientConfiguration.UserAgent),
        nameof(KubernetesClientConfiguration.DisableHttp2),
        nameof(KubernetesClientConfiguration.JsonSerializerOptions),
        nameof(KubernetesClientConfiguration.ClientCertificateKeyStoreFlags),
    ];

    private static readonly string[] Known =
    [
        nameof(KubernetesClientConfiguration.Namespace),
        nameof(KubernetesClientConfiguration.Host),
        nameof(KubernetesClientConfiguration.SslCaCerts),
        nameof(KubernetesClientConfiguration.SkipTlsVerify),
        nameof(KubernetesClientConfiguration.TlsServerName),
        nameof(KubernetesClientConfiguration.ClientCertificateData),
        nameof(KubernetesClientConfiguration.ClientCertificateKeyData),
        nameof(KubernetesClientConfiguration.ClientCertificateFilePath),
        nameof(KubernetesClientConfiguration.ClientKeyFilePath),
        nameof(KubernetesClientConfiguration.Username),
        nameof(KubernetesClientConfiguration.Password),
        nameof(KubernetesClientConfiguration.AccessToken),
        nameof(KubernetesClientConfiguration.TokenProvider),
        nameof(KubernetesClientConfiguration.HttpClientTimeout),
        nameof(KubernetesClientConfiguration.FirstMessageHandlerSetup),
    ];

    public static TheoryData<ClusterClientOptions> OptionsThatLeadElsewhere =>
    [
        new ClusterClientOptions { Kubeconfig = "a-file" },
        new ClusterClientOptions { Context = "other" },
        new ClusterClientOptions { InCluster = true },
        new ClusterClientOptions { Overrides = new() { Server = "https://elsewhere" } },
        new ClusterClientOptions { Overrides = new() { Token = Secret } },
        new ClusterClientOptions { Overrides = new() { InsecureSkipTlsVerify = true } },
        new ClusterClientOptions { Overrides = new() { As = "jane", ClientKey = "a-file" } },
    ];

    [Fact]
    public void The_official_clients_configuration_has_nothing_that_is_not_known_here()
    {
        typeof(KubernetesClientConfiguration).GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(property => property.Name)
            .Should().BeEquivalentTo([.. Known, .. WithoutMeaning]);
    }

    [Theory]
    [InlineData(null, "the KubernetesClientConfiguration has no Host")]
    [InlineData("  ", "the KubernetesClientConfiguration has no Host")]
    [InlineData("localhost:6443", "the Host of the KubernetesClientConfiguration is no http or https URL")]
    [InlineData("ftp://localhost", "*\"ftp://localhost\"*")]
    [InlineData("https://jane:c2VjcmV0@", "*no http or https URL*")]
    public void A_host_that_is_none_is_refused(string? host, string message) => Refused(new KubernetesClientConfiguration { Host = host }, message);

    [Fact]
    public void What_sets_up_another_handler_is_refused() =>
        Refused(Local(configuration => configuration.FirstMessageHandlerSetup = _ => { }), "*has a FirstMessageHandlerSetup*pass a configuration without it");

    [Fact]
    public void Half_a_client_certificate_is_refused()
    {
        Refused(Local(configuration => configuration.ClientCertificateData = Secret), "*a client certificate without its key*");
        Refused(Local(configuration => configuration.ClientCertificateKeyData = Secret), "*a client certificate's key without the certificate*");
    }

    [Fact]
    public void A_client_certificate_that_is_none_is_refused()
    {
        Refused(
            Local(configuration => (configuration.ClientCertificateData, configuration.ClientCertificateKeyData) = ("!", Secret)),
            "the client certificate of the KubernetesClientConfiguration is no base64");
        Refused(
            Local(configuration => (configuration.ClientCertificateData, configuration.ClientCertificateKeyData) = (Secret, Secret)),
            "the client certificate and key of the KubernetesClientConfiguration cannot be used: *");
        Refused(
            Local(configuration => (configuration.ClientCertificateFilePath, configuration.ClientKeyFilePath) = ("/nowhere/tls.crt", "/nowhere/tls.key")),
            "unable to read the client certificate of the KubernetesClientConfiguration: *");
    }

    [Fact]
    public void No_authority_at_all_is_not_the_same_as_those_of_the_system() =>
        Refused(Local(configuration => configuration.SslCaCerts = []), "the certificate authority of the KubernetesClientConfiguration contains no certificate*");

    [Fact]
    public void A_token_that_no_header_can_carry_is_refused() =>
        Refused(Local(configuration => configuration.AccessToken = Secret + "\n"), "the token of the KubernetesClientConfiguration contains a line break*");

    [Theory]
    [MemberData(nameof(OptionsThatLeadElsewhere))]
    public void Options_that_lead_to_another_server_or_user_are_refused(ClusterClientOptions options)
    {
        Local().Invoking(configuration => configuration.ToClusterClient(options)).Should().Throw<ArgumentException>()
            .Which.Message.Should().StartWith("The KubernetesClientConfiguration says which server and which user").And.NotContain(Secret);
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData(100.0, null, null)]
    [InlineData(7.0, null, 7.0)]
    [InlineData(-0.001, null, 0.0)]
    [InlineData(7.0, -1.0, 7.0)]
    [InlineData(7.0, 3.0, 3.0)]
    [InlineData(null, 3.0, 3.0)]
    public void The_time_out_is_the_options_or_the_configurations_unless_that_is_its_default(double? configured, double? option, double? expected)
    {
        KubernetesClientConfiguration configuration = Local(local =>
            local.HttpClientTimeout = configured is { } seconds ? TimeSpan.FromSeconds(seconds) : local.HttpClientTimeout);

        ClusterConfiguration read = Read(configuration, new() { RequestTimeout = option is { } seconds ? TimeSpan.FromSeconds(seconds) : null });

        read.RequestTimeout.Should().Be(expected is { } wanted ? TimeSpan.FromSeconds(wanted) : null);
    }

    [Fact]
    public void A_time_out_in_which_nothing_can_be_done_is_refused() =>
        Refused(Local(configuration => configuration.HttpClientTimeout = TimeSpan.Zero), "the HttpClientTimeout of the KubernetesClientConfiguration is 00:00:00, *");

    [Fact]
    public void A_proxy_is_that_of_the_environment()
    {
        var environment = new LocalEnvironment { Variables = name => name == "HTTPS_PROXY" ? "http://proxy.example.test:3128" : null };
        KubernetesClientConfiguration configuration = Local(remote => remote.Host = "https://api.example.test");

        ClientConfiguration.Read(configuration, new ClusterClientOptions(), environment).Access.Proxy!.EndPoint.Host.Should().Be("proxy.example.test");
    }

    [Fact]
    public void What_changes_later_does_not_count()
    {
        KubernetesClientConfiguration configuration = Local();
        ClusterConfiguration read = Read(configuration, new ClusterClientOptions());

        configuration.Host = "https://elsewhere.example.test";

        read.Server.Should().Be("https://localhost:6443/");
    }

    private static KubernetesClientConfiguration Local(Action<KubernetesClientConfiguration>? change = null)
    {
        var configuration = new KubernetesClientConfiguration { Host = "https://localhost:6443" };
        change?.Invoke(configuration);
        return configuration;
    }

    private static ClusterConfiguration Read(KubernetesClientConfiguration configuration, ClusterClientOptions options) =>
        ClientConfiguration.Read(configuration, options, new LocalEnvironment { Variables = _ => null });

    private static void Refused(KubernetesClientConfiguration configuration, string message) =>
        configuration.Invoking(refused => refused.ToClusterClient()).Should().Throw<ClusterException>().WithMessage(message)
            .Which.ToString().Should().NotContain(Secret);
}
