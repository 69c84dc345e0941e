using PortForward.Cluster.Tests.Routing;
using PortForward.Forwarding;
using PortForward.Testing;
using PortForward.Testing.PortForwarding;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>Whatever becomes of a transport, another one carries the connections, and nobody is told. All limits are the usual ones.</summary>
public sealed class FallbackTests : IAsyncLifetime
{
    private TestCluster _cluster = null!;

    public static TheoryData<string> Quick => [.. Gatekeeper.Quick];

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _cluster.Pods.Add(Scene.Pod(isFull: false));
    }

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Theory]
    [MemberData(nameof(Quick))]
    [InlineData(Gatekeeper.SlowDown)]
    public async Task SPDY_takes_the_place_of_a_WebSocket_tunnel_that_meets_with(string gatekeeper)
    {
        _cluster.Transports.WebSocketTunnel = Gatekeeper.Answer(gatekeeper);

        await CarryAsync(_cluster);

        CheckLast(_cluster, KubeconfigForward.Spdy);
    }

    [Theory]
    [MemberData(nameof(Quick))]
    public async Task Channels_take_the_place_of_both_when_both_meet_with(string gatekeeper)
    {
        _cluster.Transports.WebSocketTunnel = Gatekeeper.Answer(gatekeeper);
        _cluster.Transports.Spdy = Gatekeeper.Answer(gatekeeper == Gatekeeper.WrongAccept ? Gatekeeper.WrongProtocol : gatekeeper);

        await CarryAsync(_cluster);

        CheckLast(_cluster, KubeconfigForward.Channel);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_right_to_create_is_enough_without_the_right_to_get(bool needsBoth)
    {
        _cluster.Transports.WebSocketNeedsCreate = needsBoth;
        _cluster.Access.Deny("admin", "get", "pods/portforward");

        await CarryAsync(_cluster);

        CheckLast(_cluster, KubeconfigForward.Spdy);
    }

    [Fact]
    public async Task A_transport_that_has_worked_and_then_only_seems_to_is_replaced_by_another()
    {
        await using RoutedForward forward = await KubeconfigForward.StartAsync(KubeconfigOf(_cluster), KubeconfigForward.Auto, [RoutedForward.Echo]);
        await forward.EchoOnceAsync("over the tunnel");
        _cluster.Transports.WebSocketTunnel = TransportAnswer.CloseAfterUpgrade;

        await Waiting.UntilAsync(() =>
        {
            // One that was being dialled ahead is cut as soon as it is there: while it is connected, nothing needs to be replaced.
            foreach (Tunnel tunnel in _cluster.Tunnels.Open.Where(tunnel => tunnel.Kind == TunnelKind.WebSocketTunnel))
            {
                tunnel.Cut();
            }

            return _cluster.Tunnels.Open.Any(tunnel => tunnel.Kind == TunnelKind.Spdy);
        });
        await forward.EchoOnceAsync("over SPDY");

        _cluster.Requests.Count(request => request.IsPortForward).Should().BeLessThan(20, "nobody asks again and again for what does not work");
    }

    internal static async Task CarryAsync(TestCluster cluster)
    {
        await using RoutedForward forward = await KubeconfigForward.StartAsync(KubeconfigOf(cluster), KubeconfigForward.Auto, [RoutedForward.Echo]);
        await forward.EchoOnceAsync("first");
        await forward.EchoOnceAsync("second");
        await Waiting.UntilAsync(() => forward.Events.OfType<ConnectionClosed>().Count() == 2);
        forward.Events.Where(one => one is not (ListenerOpened or ConnectionAccepted or ConnectionClosed)).Should().BeEmpty();
    }

    /// <summary>Fails when the connections were carried by another transport, whatever was tried before.</summary>
    internal static void CheckLast(TestCluster cluster, string transport) =>
        TransportMatrixTests.TransportOf(cluster.Requests.Last(request => request is { IsPortForward: true, Status: 101 })).Should().Be(transport);

    internal static string KubeconfigOf(TestCluster cluster) => KubeconfigText.Of(cluster, cluster.Server.ToString().TrimEnd('/'));
}
