using k8s;
using PortForward.Cluster;

namespace PortForward.KubernetesClient.Tests;

/// <summary>The entry from the official client, and what becomes of bad use.</summary>
public sealed class UseTests
{
    [Fact]
    public async Task A_client_with_its_configuration_is_enough_and_each_lives_on_without_the_other()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();
        KubernetesClientConfiguration configuration = bridged.Read(withCertificate: true);
        var official = new Kubernetes(configuration);
        ClusterClient client = official.ToClusterClient(configuration);
        official.Dispose();
        await BridgedCluster.UseAsync(client);

        using var second = new Kubernetes(configuration);
        await second.ToClusterClient(configuration).DisposeAsync();
        (await second.CoreV1.ListNamespacedPodAsync("default")).Items.Should().ContainSingle();
    }

    [Fact]
    public async Task A_configuration_of_another_server_is_refused()
    {
        using var official = new Kubernetes(new KubernetesClientConfiguration { Host = "https://one.example.test" });
        var configuration = new KubernetesClientConfiguration { Host = "https://two.example.test", AccessToken = "secret" };

        official.Invoking(client => client.ToClusterClient(configuration)).Should().Throw<ArgumentException>()
            .WithMessage("The client is for https://one.example.test/ and the configuration for https://two.example.test/: pass the one that the client was made from.*");
        await official.ToClusterClient(new KubernetesClientConfiguration { Host = "https://one.example.test:443/" }).DisposeAsync();
    }

    [Fact]
    public async Task Once_disposed_it_starts_nothing_more()
    {
        await using BridgedCluster bridged = await BridgedCluster.StartAsync();
        ClusterClient client = bridged.Admin.ToClusterClient();
        Forward forward = await client.ForwardAsync("svc/web", ":echo").Soon();
        PodStream stream = await client.DialAsync("svc/web", "echo").Soon();

        await client.DisposeAsync();

        forward.State.Should().Be(ForwardState.Ended);
        await stream.Invoking(ended => ended.ReadAsync(new byte[1]).Soon()).Should().ThrowAsync<IOException>().WithMessage("*its cluster client is disposed");
        await client.Invoking(disposed => disposed.ForwardAsync("svc/web", ":echo").Soon()).Should().ThrowAsync<ObjectDisposedException>();
        await client.Invoking(disposed => disposed.DialAsync("svc/web", "echo").Soon()).Should().ThrowAsync<ObjectDisposedException>();
    }

    [Fact]
    public void Nothing_is_no_configuration_and_no_client()
    {
        FluentActions.Invoking(() => ((KubernetesClientConfiguration)null!).ToClusterClient()).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => ((IKubernetes)null!).ToClusterClient(new KubernetesClientConfiguration())).Should().Throw<ArgumentNullException>();
    }
}
