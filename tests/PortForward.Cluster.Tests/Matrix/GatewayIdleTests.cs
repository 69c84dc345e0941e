using System.Net.Sockets;
using PortForward.Cluster.Tests.Routing;
using PortForward.Testing;
using PortForward.Testing.PortForwarding;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>What a real nginx and a real haproxy take for idle, they cut; a forward never gives them the occasion.</summary>
public sealed class GatewayIdleTests
{
    [GatewayFact]
    public Task A_forward_outlives_the_short_idle_limits_of_real_gateways() => Task.WhenAll(GatewayRoad.All.Select(async gateway =>
    {
        await using Road road = await GatewayRoad.OpenAsync(gateway, idleLimit: (int)IdlePlan.Short.IdleLimit.TotalSeconds);
        road.Cluster.Pods.Add(TestPod.Probe("solo"));
        Task cutsAnother = SeeItCutAsync(road);
        await Idling.WithEachTransportAsync($"behind {gateway}", road.Kubeconfig, IdlePlan.Short, transport => NoneWasCutAsync(road.Cluster, transport));
        await cutsAnother;
        road.Cluster.Tunnels.Violations.Should().BeEmpty();
    }));

    /// <summary>A forward that says nothing for long is cut, or else the test would show nothing.</summary>
    private static async Task SeeItCutAsync(Road road)
    {
        var quiet = new TunnelDialOptions { LivenessTimeout = TimeSpan.FromMinutes(10) };
        await using RoutedForward forward = await KubeconfigForward.StartAsync(road.Kubeconfig, KubeconfigForward.WebSocket, [RoutedForward.Echo], quiet);
        using Socket idle = await forward.ConnectAsync();
        await RoutedForward.EchoAsync(idle, "before");
        Func<Task> wait = () => idle.ReceiveAsync(new byte[1].AsMemory()).Soon();
        (await wait.Should().ThrowAsync<SocketException>()).Which.SocketErrorCode.Should().Be(SocketError.ConnectionReset);
    }

    /// <summary>Every tunnel that a transport has opened stands still, those that nothing uses too. Channels end with their connections.</summary>
    private static Task NoneWasCutAsync(TestCluster cluster, string transport) => transport switch
    {
        KubeconfigForward.Spdy => Waiting.UntilAsync(() =>
            cluster.Requests.Count(request => request is { IsPortForward: true, Method: "POST", Status: 101 })
                == cluster.Tunnels.Open.Count(tunnel => tunnel.Kind == TunnelKind.Spdy)),
        _ => Task.CompletedTask,
    };
}
