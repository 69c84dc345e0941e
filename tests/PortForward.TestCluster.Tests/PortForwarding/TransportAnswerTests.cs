using PortForward.Testing.PortForwarding;

namespace PortForward.Testing.Tests.PortForwarding;

public sealed class TransportAnswerTests
{
    [Theory]
    [InlineData("1.29", 400)]
    [InlineData("1.30", 400)]
    [InlineData("1.31", 101)]
    [InlineData("1.36", 101)]
    public async Task The_WebSocket_tunnel_came_with_1_31(string version, int status)
    {
        await using var cluster = await StartAsync(version);
        using var upgrade = await UpgradeClient.WebSocketAsync(cluster, "solo");

        upgrade.Status.Should().Be(status);
        cluster.Requests.Should().ContainSingle(request => request.IsPortForward).Which.Status.Should().Be(status);
        if (status == 400)
            (await upgrade.ReadBodyAsync()).Should().Be("query parameter \"port\" is required");
    }

    [Theory]
    [InlineData("1.34", "get", 101)]
    [InlineData("1.34", "create", 403)]
    [InlineData("1.35", "get", 403)]
    [InlineData("1.35", "create", 403)]
    public async Task The_WebSocket_needs_the_verb_get_and_from_1_35_on_create_too(string version, string allowed, int status)
    {
        await using var cluster = await StartAsync(version);
        cluster.Access.AllowOnly("admin", (allowed, "pods/portforward"));
        using var upgrade = await UpgradeClient.WebSocketAsync(cluster, "solo");

        upgrade.Status.Should().Be(status);
    }

    [Theory]
    [InlineData("get", 403)]
    [InlineData("create", 101)]
    public async Task The_SPDY_upgrade_needs_the_verb_create(string allowed, int status)
    {
        await using var cluster = await StartAsync();
        cluster.Access.AllowOnly("admin", (allowed, "pods/portforward"));
        using var upgrade = await UpgradeClient.SpdyAsync(cluster, "solo");

        upgrade.Status.Should().Be(status);
        if (status == 403)
        {
            (await upgrade.ReadBodyAsync()).Should()
                .Contain("pods \\u0022solo\\u0022 is forbidden: User \\u0022admin\\u0022 cannot create resource \\u0022pods/portforward\\u0022");
        }
    }

    [Fact]
    public async Task A_transport_can_be_refused_with_any_status()
    {
        await using var cluster = await StartAsync();
        cluster.Transports.WebSocketTunnel = TransportAnswer.Refuse(426, "no");
        cluster.Transports.Spdy = TransportAnswer.Refuse(502, "bad gateway");
        using var tunnel = await UpgradeClient.WebSocketAsync(cluster, "solo");
        using var spdy = await UpgradeClient.SpdyAsync(cluster, "solo");

        tunnel.Status.Should().Be(426);
        spdy.Status.Should().Be(502);
        (await spdy.ReadBodyAsync()).Should().Be("bad gateway");
    }

    [Fact]
    public async Task A_transport_can_close_after_the_upgrade()
    {
        await using var cluster = await StartAsync();
        cluster.Transports.WebSocketTunnel = TransportAnswer.CloseAfterUpgrade;
        using var upgrade = await UpgradeClient.WebSocketAsync(cluster, "solo");

        upgrade.Status.Should().Be(101);
        (await upgrade.Stream.ReadAsync(new byte[1])).Should().Be(0);
    }

    [Fact]
    public async Task A_transport_can_negotiate_wrongly()
    {
        await using var cluster = await StartAsync();
        cluster.Transports.WebSocketTunnel = TransportAnswer.WrongProtocol;
        cluster.Transports.Spdy = TransportAnswer.WrongProtocol;
        cluster.Transports.Channels = TransportAnswer.WrongAccept;
        using var tunnel = await UpgradeClient.WebSocketAsync(cluster, "solo");
        using var spdy = await UpgradeClient.SpdyAsync(cluster, "solo");
        using var channels = await UpgradeClient.WebSocketAsync(cluster, "solo", "v4.channel.k8s.io", "?ports=7000");

        tunnel.Headers["Sec-WebSocket-Protocol"].Should().Be("another.protocol");
        spdy.Headers["X-Stream-Protocol-Version"].Should().Be("another.protocol");
        channels.Headers["Sec-WebSocket-Accept"].Should().NotBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    [Theory]
    [InlineData("Pending", "node-1", 500, "pod not found (\"solo_default\")")]
    [InlineData("Succeeded", "node-1", 500, "rpc error: code = Unknown desc = sandbox container is not running")]
    [InlineData("Pending", "", 400, "does not have a host assigned")]
    public async Task A_pod_that_does_not_run_is_refused(string phase, string node, int status, string text)
    {
        await using var cluster = await StartAsync();
        cluster.Pods.Find("solo")!.Phase(phase).OnNode(node);
        using var upgrade = await UpgradeClient.WebSocketAsync(cluster, "solo");

        upgrade.Status.Should().Be(status);
        (await upgrade.ReadBodyAsync()).Should().Contain(text);
    }

    [Fact]
    public async Task A_pod_that_does_not_exist_is_not_found()
    {
        await using var cluster = await StartAsync();
        using var upgrade = await UpgradeClient.SpdyAsync(cluster, "nosuch");

        upgrade.Status.Should().Be(404);
        (await upgrade.ReadBodyAsync()).Should().Contain("\"reason\":\"NotFound\"");
    }

    private static async Task<TestCluster> StartAsync(string version = "1.36")
    {
        var cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true, Kubernetes = Version.Parse(version) });
        cluster.Pods.Add(TestPod.Probe("solo"));
        return cluster;
    }
}
