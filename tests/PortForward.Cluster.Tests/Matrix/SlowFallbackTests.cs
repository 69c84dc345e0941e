using PortForward.Testing;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>Transports that are accepted and carry nothing, each of which takes its five seconds to show that: none of them ends the attempts.</summary>
public sealed class SlowFallbackTests
{
    [Fact]
    public Task Another_transport_carries_the_connections_however_long_those_before_it_take() => Task.WhenAll(
        from gatekeeper in Gatekeeper.Slow
        from spoilsSpdy in (bool[])[false, true]
        select CarryAsync(gatekeeper, spoilsSpdy));

    private static async Task CarryAsync(string gatekeeper, bool spoilsSpdy)
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        cluster.Pods.Add(Scene.Pod(isFull: false));
        cluster.Transports.WebSocketTunnel = Gatekeeper.Answer(gatekeeper);
        if (spoilsSpdy)
        {
            cluster.Transports.Spdy = Gatekeeper.Answer(gatekeeper);
        }

        await FallbackTests.CarryAsync(cluster);

        FallbackTests.CheckLast(cluster, spoilsSpdy ? KubeconfigForward.Channel : KubeconfigForward.Spdy);
    }
}
