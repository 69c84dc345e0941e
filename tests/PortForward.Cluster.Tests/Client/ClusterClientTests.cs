using System.Text;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;
using PortForward.Testing.PortForwarding;

namespace PortForward.Cluster.Tests.Client;

/// <summary>Which cluster a client is for, as whom and how.</summary>
public sealed class ClusterClientTests : ClusterClientTestBase
{
    [Fact]
    public void It_is_for_the_server_and_the_namespace_of_the_kubeconfig()
    {
        Client.Server.Should().Be(Cluster.Server);
        Client.Namespace.Should().Be("default");
    }

    [Fact]
    public async Task What_the_options_say_goes_before_the_overrides_and_these_before_the_kubeconfig()
    {
        var overrides = new ClusterOverrides { Namespace = "two", RequestTimeout = TimeSpan.FromSeconds(5) };
        await using ClusterClient byOverrides = NewClient(new ClusterClientOptions { Overrides = overrides });
        await using ClusterClient byOptions = NewClient(new ClusterClientOptions { Namespace = "three", Overrides = overrides });

        (byOverrides.Namespace, byOptions.Namespace).Should().Be(("two", "three"));
    }

    [Fact]
    public async Task A_file_can_be_named()
    {
        string path = Cluster.WriteKubeconfig(Home["other"], inNamespace: "elsewhere");
        File.Delete(Home[".kube/config"]);

        await using ClusterClient client = NewClient(new ClusterClientOptions { Kubeconfig = path });

        client.Namespace.Should().Be("elsewhere");
    }

    [Fact]
    public async Task In_a_pod_its_service_account_can_be_asked_for_in_place_of_the_kubeconfig()
    {
        AddWeb("web-1");
        Home.Set("KUBERNETES_SERVICE_HOST", Cluster.Server.Host).Set("KUBERNETES_SERVICE_PORT", $"{Cluster.Server.Port}");
        Home.Write("serviceaccount/token", Cluster.Admin.Token);
        Home.Write("serviceaccount/namespace", "default");
        Home.Write("serviceaccount/ca.crt", Cluster.AuthorityPem);
        Home.Write(".kube/config", "this is no kubeconfig: [");

        await using ClusterClient client = NewClient(new ClusterClientOptions { InCluster = true });
        await using PodStream stream = await client.DialAsync("svc/web", "echo").Soon();

        await EchoAsync(stream, "hello");
    }

    [Fact]
    public async Task A_configuration_that_is_known_already_can_be_used()
    {
        AddWeb("web-1");
        var configuration = ClusterConfiguration.Resolve(
            MergedKubeconfig.Load(Home[".kube/config"], Surroundings), new ClusterOverrides(), TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, Surroundings);

        await using var client = ClusterClient.Create(configuration);
        await using Forward forward = await client.ForwardAsync("web-1", $":{Echo}").Soon();

        await EchoOnceAsync(forward, "hello");
    }

    [Theory]
    [InlineData("websocket", TunnelKind.WebSocketTunnel)]
    [InlineData("spdy", TunnelKind.Spdy)]
    [InlineData("channel", TunnelKind.Channels)]
    public async Task The_transports_are_those_that_are_asked_for(string transport, TunnelKind kind)
    {
        AddWeb("web-1");
        await using ClusterClient client = NewClient(new ClusterClientOptions { Transports = [transport] });

        await using PodStream stream = await client.DialAsync("web-1", "echo").Soon();
        await EchoAsync(stream, "hello");
        await using Forward forward = await client.ForwardAsync("web-1", $":{Echo}").Soon();
        await EchoOnceAsync(forward, "hello");

        Cluster.Tunnels.Open.Should().NotBeEmpty().And.OnlyContain(tunnel => tunnel.Kind == kind);
    }

    [Fact]
    public void Options_do_not_show_the_secrets_in_them()
    {
        var options = new ClusterClientOptions { Overrides = new ClusterOverrides { Token = "secret-token" } };

        new StringBuilder().Append(options).ToString().Should().Be(nameof(ClusterClientOptions));
    }
}
