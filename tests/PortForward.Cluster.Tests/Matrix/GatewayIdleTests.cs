using PortForward.Testing;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>What a real nginx and a real haproxy take for idle, they cut; a forward never gives them the occasion.</summary>
public sealed class GatewayIdleTests
{
    [GatewayFact]
    public Task A_forward_outlives_the_short_idle_limits_of_real_gateways() => Task.WhenAll(GatewayRoad.All.Select(async gateway =>
    {
        await using Road road = await GatewayRoad.OpenAsync(gateway, idleLimit: (int)IdlePlan.Short.IdleLimit.TotalSeconds);
        road.Cluster.Pods.Add(TestPod.Probe("solo"));
        await Idling.WithEachTransportAsync($"behind {gateway}", road.Kubeconfig, IdlePlan.Short);
        road.Cluster.Tunnels.Violations.Should().BeEmpty();
    }));
}
