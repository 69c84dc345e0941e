using System.Net.WebSockets;
using System.Text;

namespace PortForward.Testing.Tests.PortForwarding;

public sealed class WebSocketForwardingTests : IAsyncLifetime
{
    private TestCluster _cluster = null!;
    private TestPod _pod = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true });
        _cluster.PortForwarding.GraceAfterFirstEnd = TimeSpan.FromMilliseconds(20);
        _pod = _cluster.Pods.Add(TestPod.Probe("solo"));
    }

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task The_tunnel_is_accepted_with_its_subprotocol()
    {
        using var upgrade = await UpgradeClient.WebSocketAsync(_cluster, "solo");

        upgrade.Status.Should().Be(101);
        upgrade.Headers["Sec-WebSocket-Accept"].Should().Be("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "RFC 6455, section 1.3, has this pair of key and answer");
        upgrade.Headers["Sec-WebSocket-Protocol"].Should().Be("SPDY/3.1+portforward.k8s.io");
    }

    [Fact]
    public async Task A_pair_and_its_data_in_one_message_get_the_echo_as_three_messages()
    {
        using var upgrade = await UpgradeClient.WebSocketAsync(_cluster, "solo");
        using var socket = Open(upgrade);
        await using var stream = new WebSocketMessageStream(socket);
        var client = new SpdyClient(stream);
        await client.SendAsync(client.Pair(7000, 1, 3), SpdyClient.Data(3, "hello"));

        (await client.ReadUntilAsync(frame => frame.Type == "data"))[^1].Text.Should().Be("hello");
        stream.MessageSizes.TakeLast(3).Should().Equal(4, 4, 5);
    }

    [Fact]
    public async Task The_end_of_a_tunnel_is_close_code_1000()
    {
        using var upgrade = await UpgradeClient.WebSocketAsync(_cluster, "solo");
        using var socket = Open(upgrade);
        await using var stream = new WebSocketMessageStream(socket);
        var client = new SpdyClient(stream);
        await client.SendAsync(SpdyClient.Ping(1));
        await client.ReadAsync();
        _cluster.Tunnels.CloseAll();

        while (await client.ReadAsync() is not null)
        {
        }

        socket.CloseStatus.Should().Be(WebSocketCloseStatus.NormalClosure);
    }

    [Fact]
    public async Task A_text_message_ends_the_tunnel()
    {
        using var upgrade = await UpgradeClient.WebSocketAsync(_cluster, "solo");
        using var socket = Open(upgrade);
        await socket.SendAsync(Encoding.UTF8.GetBytes("text"), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);

        // The answer to the upgrade comes before the tunnel counts as open.
        await _cluster.Activity.WaitUntilAsync(_ => _cluster.Activity.TunnelsOpened == 1);
        await _cluster.Activity.WaitUntilAsync(now => now.Tunnels == 0);
        _cluster.Tunnels.Violations.Should().ContainSingle().Which.Should().Contain("text message");
    }

    [Fact]
    public async Task Channels_begin_with_the_port_on_both_channels_and_carry_data()
    {
        using var upgrade = await UpgradeClient.WebSocketAsync(_cluster, "solo", "v4.channel.k8s.io", "?ports=7000");
        upgrade.Headers["Sec-WebSocket-Protocol"].Should().Be("v4.channel.k8s.io");
        using var socket = Open(upgrade);

        (await ReceiveAsync(socket)).Should().Equal(0, 0x58, 0x1b);
        (await ReceiveAsync(socket)).Should().Equal(1, 0x58, 0x1b);
        await socket.SendAsync(new byte[] { 0, (byte)'h', (byte)'i' }, WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
        (await ReceiveAsync(socket)).Should().Equal(0, (byte)'h', (byte)'i');
        _pod.OpenConnections.Should().Be(1);
    }

    [Fact]
    public async Task Channels_dial_every_port_at_once()
    {
        using var upgrade = await UpgradeClient.WebSocketAsync(_cluster, "solo", "v4.channel.k8s.io", "?ports=7000&ports=7002");
        using var socket = Open(upgrade);
        for (var i = 0; i < 4; i++)
            (await ReceiveAsync(socket))[0].Should().Be((byte)i);

        await _cluster.Activity.WaitUntilAsync(now => now.Connections == 2);
    }

    [Fact]
    public async Task A_refused_port_on_channels_is_told_on_the_error_channel_before_close_code_1000()
    {
        using var upgrade = await UpgradeClient.WebSocketAsync(_cluster, "solo", "v4.channel.k8s.io", "?ports=9999");
        using var socket = Open(upgrade);
        await ReceiveAsync(socket);
        await ReceiveAsync(socket);

        var error = await ReceiveAsync(socket);
        error[0].Should().Be(1);
        Encoding.UTF8.GetString(error.AsSpan(1)).Should().StartWith($"error forwarding port 9999 to pod {_pod.SandboxId}, uid : ").And.Contain("connection refused");
        (await ReceiveAsync(socket)).Should().BeEmpty();
        socket.CloseStatus.Should().Be(WebSocketCloseStatus.NormalClosure);
    }

    [Fact]
    public async Task Channels_end_when_the_application_ends()
    {
        using var upgrade = await UpgradeClient.WebSocketAsync(_cluster, "solo", "v4.channel.k8s.io", "?ports=7004");
        using var socket = Open(upgrade);
        await ReceiveAsync(socket);
        await ReceiveAsync(socket);

        Encoding.UTF8.GetString((await ReceiveAsync(socket)).AsSpan(1)).Should().Be("hello and goodbye\n");
        (await ReceiveAsync(socket)).Should().BeEmpty();
        await _cluster.Activity.WaitUntilAsync(now => now is { Tunnels: 0, Connections: 0 });
    }

    [Fact]
    public async Task Channels_that_the_server_ends_get_close_code_1000()
    {
        using var upgrade = await UpgradeClient.WebSocketAsync(_cluster, "solo", "v4.channel.k8s.io", "?ports=7000");
        using var socket = Open(upgrade);
        await ReceiveAsync(socket);
        await ReceiveAsync(socket);
        await _cluster.Activity.WaitUntilAsync(now => now.Connections == 1);
        _cluster.Tunnels.CloseAll();

        (await ReceiveAsync(socket)).Should().BeEmpty();
        socket.CloseStatus.Should().Be(WebSocketCloseStatus.NormalClosure);
    }

    private static WebSocket Open(UpgradeClient upgrade) => WebSocket.CreateFromStream(upgrade.Stream, isServer: false, subProtocol: null, Timeout.InfiniteTimeSpan);

    private static async Task<byte[]> ReceiveAsync(WebSocket socket)
    {
        var buffer = new byte[4096];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var received = await socket.ReceiveAsync(buffer, patience.Token);
        return buffer[..received.Count];
    }
}
