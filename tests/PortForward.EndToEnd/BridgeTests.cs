using System.Text;
using k8s;
using PortForward.Cluster;
using PortForward.KubernetesClient;

namespace PortForward.EndToEnd;

/// <summary>Forwards and streams from the official client's configuration.</summary>
[Collection(ClusterTests.Name)]
public sealed class BridgeTests(TestNamespace cluster)
{
    [EndToEndFact]
    public async Task A_forward_starts_from_the_official_clients_configuration()
    {
        await using ClusterClient client = RealCluster.Configuration.ToClusterClient();
        await using Forward forward = await client.ForwardAsync($"svc/{TestNamespace.Patient}", [":http"], new ForwardOptions { Namespace = cluster.Name }).Soon();

        string[] outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => HttpLoad.RequestAsync(forward.Port, size: 100_000)));

        outcomes.Should().AllBe("ok");
    }

    [EndToEndFact]
    public async Task A_stream_starts_from_an_official_client_and_its_configuration()
    {
        KubernetesClientConfiguration configuration = RealCluster.Configuration;
        configuration.Namespace = cluster.Name;
        using var official = new Kubernetes(configuration);
        await using ClusterClient client = official.ToClusterClient(configuration);
        await using PodStream stream = await client.DialAsync($"deploy/{TestNamespace.Single}", "web").Soon();

        await stream.WriteAsync("GET /size/5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray()).Soon();
        using var answer = new MemoryStream();
        await stream.CopyToAsync(answer).Soon();

        string text = Encoding.Latin1.GetString(answer.ToArray());
        text.Should().StartWith("HTTP/1.1 200");
        text[(text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..].Should().HaveLength(5);
    }
}
