using PortForward.Cluster.Tests.Routing;
using PortForward.Cluster.Tests.Transport;
using PortForward.Forwarding;
using PortForward.Testing;
using PortForward.Testing.Api;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>Every transport, over every way to the server, through everything that can happen on a connection: from a kubeconfig's text to a client's socket.</summary>
/// <remarks>PF_TEST_FULL=true plays every scene on every road; otherwise each transport meets each road and each scene once or twice.</remarks>
public sealed class TransportMatrixTests
{
    internal static readonly string[] Transports = [KubeconfigForward.WebSocket, KubeconfigForward.Spdy, KubeconfigForward.Channel];

    public static TheoryData<string, string, string> Cases => Cross(Road.All);

    internal static bool IsFull => Environment.GetEnvironmentVariable("PF_TEST_FULL") == "true";

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Connections_end_as_expected_over(string transport, string road, string scene)
    {
        await using Road way = await Road.OpenAsync(road);
        await PlayAsync(transport, way, Scene.Named(scene));
    }

    [Theory]
    [InlineData(KubeconfigForward.WebSocket)]
    [InlineData(KubeconfigForward.Spdy)]
    [InlineData(KubeconfigForward.Channel)]
    public async Task A_proxy_whose_certificate_nobody_vouches_for_carries_nothing(string transport)
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        using var stranger = new TestAuthority();
        await using var proxy = new TestProxy(TestProxy.Http(), cluster.Server.Port, TestServer.Options(stranger.IssueServer("127.0.0.1")));
        string kubeconfig = KubeconfigText.Of(cluster, cluster.Server.ToString().TrimEnd('/'), proxy: $"https://127.0.0.1:{proxy.Port}");

        Func<Task> start = () => KubeconfigForward.StartAsync(kubeconfig, transport, [RoutedForward.Echo]);

        (await start.Should().ThrowAsync<ClusterException>()).Which.Message.Should().Contain("failed to verify certificate");
        (proxy.Seen.Count, cluster.Requests.Count).Should().Be((0, 0));
    }

    /// <summary>Every transport on every road and in every scene; every scene on every road too if there is time.</summary>
    internal static TheoryData<string, string, string> Cross(IReadOnlyList<string> roads)
    {
        var cases = new TheoryData<string, string, string>();
        string[] scenes = [.. Scene.Names];
        foreach ((int index, string transport) in Transports.Index())
        {
            int count = IsFull ? roads.Count * scenes.Length : Math.Max(roads.Count, scenes.Length);
            for (int i = 0; i < count; i++)
            {
                // Another scene for the same road with each transport, and in a full run each pair once.
                int scene = IsFull ? i / roads.Count : (i + (2 * index)) % scenes.Length;
                cases.Add(transport, roads[i % roads.Count], scenes[scene]);
            }
        }

        return cases;
    }

    /// <summary>Plays a scene and holds its connections against what the transport must make of them.</summary>
    internal static async Task PlayAsync(string transport, Road road, Scene scene)
    {
        TimeSpan usualGrace = IsFull ? TimeSpan.FromSeconds(1) : TimeSpan.FromMilliseconds(50);
        road.Cluster.PortForwarding.GraceAfterFirstEnd = scene.Grace ?? usualGrace;
        road.Cluster.PortForwarding.ErrorEnding = scene.ErrorEnding;
        road.Cluster.Pods.Add(Scene.Pod(IsFull));
        Outcome expected = scene.Expected[transport];
        await using (RoutedForward forward = await KubeconfigForward.StartAsync(
            road.Kubeconfig, transport, [scene.Port, RoutedForward.Echo], forwarding: new PortForwarderOptions { HalfCloseTimeout = scene.Hold }))
        {
            (await scene.PlayAsync(forward, transport, IsFull)).Should().Be(expected.Client);
            await Waiting.UntilAsync(() => forward.Events.OfType<ConnectionClosed>().Count() == scene.Connections);
            foreach (ConnectionClosed closed in forward.Events.OfType<ConnectionClosed>())
            {
                closed.End.Kind.Should().Be(expected.End, "the pod said \"{0}\"", closed.End.PodMessage);
                (closed.End.PodMessage is { } message ? PodError.Classify(message) : (PodErrorKind?)null).Should().Be(expected.Reason);
            }

            // Whatever happened, it happened to that connection alone: the next one works, and nobody was told of anything else.
            road.Cluster.PortForwarding.GraceAfterFirstEnd = usualGrace;
            await forward.EchoOnceAsync("the next one", port: 1);
            forward.Events.Where(one => one is not (ListenerOpened or ConnectionAccepted or ConnectionClosed)).Should().BeEmpty();
        }

        road.Check();
        CheckTransport(road.Cluster.Requests, transport);
        await road.Cluster.Activity.WaitUntilAsync(now => now.Connections == 0, Waiting.Patience);
        road.Cluster.Tunnels.Violations.Should().BeEmpty();
    }

    /// <summary>Fails when something was carried by another transport. What was not answered yet was not carried.</summary>
    internal static void CheckTransport(IEnumerable<RecordedRequest> requests, string transport) =>
        requests.Where(request => request is { IsPortForward: true, Status: 101 }).Select(TransportOf).Distinct(StringComparer.Ordinal).Should().Equal(transport);

    internal static string TransportOf(RecordedRequest request) =>
        request.Method == "POST" ? KubeconfigForward.Spdy
        : request.Headers["Sec-WebSocket-Protocol"].Contains(WebSocketTunnelDialer.Subprotocol, StringComparer.Ordinal) ? KubeconfigForward.WebSocket
        : KubeconfigForward.Channel;
}
