using System.Net.Sockets;
using PortForward.Testing.Tests.PortForwarding;

namespace PortForward.Testing.Tests.Api;

/// <summary>What the API server counts of its connections.</summary>
public sealed class ConnectionCountTests
{
    [Fact]
    public async Task Accepted_connections_and_TLS_handshakes_are_counted_apart()
    {
        await using var cluster = await TestCluster.StartAsync();
        using (var tcp = new TcpClient())
        {
            await tcp.ConnectAsync(cluster.Server.Host, cluster.Server.Port).Soon();
            using var tls = await TlsClient.ConnectAsync(cluster);
            (await tls.AskAsync()).Should().Be(200);
            await cluster.Activity.WaitUntilAsync(now => now.ApiConnections == 2);

            (cluster.Activity.ApiConnectionsAccepted, cluster.Activity.TlsHandshakes, cluster.Activity.TunnelsOpened).Should().Be((2, 1, 0));
        }

        await cluster.Activity.WaitUntilAsync(now => now.ApiConnections == 0);
        cluster.Activity.ApiConnectionsAccepted.Should().Be(2, "what has ended still counts");
    }

    [Fact]
    public async Task The_counts_can_be_read_over_the_API()
    {
        await using var cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true });
        cluster.Pods.Add(TestPod.Probe("solo"));
        using var upgrade = await UpgradeClient.SpdyAsync(cluster, "solo");
        await cluster.Activity.WaitUntilAsync(now => now.Tunnels == 1);
        using var client = ApiClient.To(cluster);
        using var answer = await client.SendAsync(HttpMethod.Get, "/metrics");

        var lines = (await answer.Content.ReadAsStringAsync()).Split('\n');

        lines.Should().Contain(["test_cluster_api_connections_accepted_total 2", "test_cluster_tls_handshakes_total 0", "test_cluster_tunnels_opened_total 1"]);
    }
}
