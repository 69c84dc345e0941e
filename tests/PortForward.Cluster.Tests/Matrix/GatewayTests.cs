using PortForward.Cluster.Api;
using PortForward.Cluster.Tests.Routing;
using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>Forwards through a real nginx and a real haproxy. <c>install-gateways</c> fetches them; without them these tests are skipped.</summary>
public sealed class GatewayTests
{
    public static TheoryData<string, string, string> Cases => TransportMatrixTests.Cross(GatewayRoad.All);

    [GatewayTheory]
    [MemberData(nameof(Cases))]
    public async Task Connections_end_as_expected_behind(string transport, string gateway, string scene)
    {
        await using Road way = await GatewayRoad.OpenAsync(gateway);
        await TransportMatrixTests.PlayAsync(transport, way, Scene.Named(scene));
    }

    [GatewayTheory]
    [InlineData(GatewayRoad.EveryUpgrade, KubeconfigForward.WebSocket)]
    [InlineData(GatewayRoad.WebSocketOnly, KubeconfigForward.WebSocket)]
    [InlineData(GatewayRoad.SpdyOnly, KubeconfigForward.Spdy)]
    public async Task Auto_finds_the_transport_that_an_nginx_lets_pass(string passes, string transport)
    {
        await using Road road = await GatewayRoad.OpenNginxAsync(passes);
        road.Cluster.Pods.Add(Scene.Pod(isFull: false));
        await using (RoutedForward forward = await KubeconfigForward.StartAsync(road.Kubeconfig, KubeconfigForward.Auto, [RoutedForward.Echo]))
        {
            await forward.EchoOnceAsync("hello");
            forward.Events.Where(one => one is not (ListenerOpened or ConnectionAccepted or ConnectionClosed)).Should().BeEmpty();
        }

        TransportMatrixTests.CheckTransport(road.Cluster.Requests, transport);
    }

    [GatewayTheory]
    [InlineData(KubeconfigForward.WebSocket)]
    [InlineData(KubeconfigForward.Spdy)]
    [InlineData(KubeconfigForward.Channel)]
    [InlineData(KubeconfigForward.Auto)]
    public async Task An_nginx_that_passes_no_upgrade_is_told_in_one_line(string transport)
    {
        await using Road road = await GatewayRoad.OpenNginxAsync(GatewayRoad.NoUpgrade);
        road.Cluster.Pods.Add(Scene.Pod(isFull: false));

        Func<Task> start = () => KubeconfigForward.StartAsync(road.Kubeconfig, transport, [RoutedForward.Echo]);

        TunnelFault fault = (await start.Should().ThrowAsync<PortForwardException>()).Which.Fault!;
        ApiStatus.Describe(fault.StatusCode!.Value, fault.ReasonPhrase, fault.Body!).Should().Be(
            "Error from server (BadRequest): Upgrade request required: something before the API server took the Upgrade header out of the request; "
            + "let that proxy or load balancer pass Upgrade and Connection on");
    }
}
