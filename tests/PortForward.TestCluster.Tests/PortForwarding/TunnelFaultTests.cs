using System.Net.Sockets;
using PortForward.Testing.PortForwarding;

namespace PortForward.Testing.Tests.PortForwarding;

public sealed class TunnelFaultTests : IAsyncLifetime
{
    private TestCluster _cluster = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true });
        _cluster.PortForwarding.GraceAfterFirstEnd = TimeSpan.FromMilliseconds(20);
        _cluster.Pods.Add(TestPod.Probe("solo"));
    }

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task A_cut_tunnel_is_a_reset_connection()
    {
        using var upgrade = await OpenAsync();
        TheTunnel.Cut();

        var read = async () => await upgrade.Stream.ReadAsync(new byte[1]);
        (await read.Should().ThrowAsync<IOException>()).WithInnerException<SocketException>()
            .Which.SocketErrorCode.Should().Be(SocketError.ConnectionReset);
        await _cluster.Activity.WaitUntilAsync(now => now.Tunnels == 0);
    }

    [Fact]
    public async Task A_frozen_tunnel_says_nothing_until_it_thaws()
    {
        using var upgrade = await OpenAsync();
        var client = new SpdyClient(upgrade.Stream);
        TheTunnel.Freeze();
        await client.SendAsync(SpdyClient.Ping(1));
        var answer = client.ReadAsync();

        using var neighbour = await UpgradeClient.SpdyAsync(_cluster, "solo");
        var other = new SpdyClient(neighbour.Stream);
        await other.SendAsync(SpdyClient.Ping(1));
        (await other.ReadAsync())!.Type.Should().Be("ping");
        answer.IsCompleted.Should().BeFalse("the frozen tunnel was asked before its neighbour, which has answered");

        TheTunnel.Thaw();
        (await answer)!.Type.Should().Be("ping");
    }

    [Fact]
    public async Task A_runtime_that_is_stuck_answers_PINGs_and_no_streams_in_tunnels_that_are_opened_then()
    {
        _cluster.PortForwarding.AnswersStreams = false;
        using var upgrade = await OpenAsync();
        _cluster.PortForwarding.AnswersStreams = true;
        var client = new SpdyClient(upgrade.Stream);

        await client.SendAsync(client.Pair(7000, 1, 3), SpdyClient.Data(3, "hello"), SpdyClient.Reset(3));
        for (var id = 1; id < 21; id += 2)
        {
            await client.SendAsync(SpdyClient.Ping(id));
            (await client.ReadAsync()).Should().BeEquivalentTo(new { Type = "ping", StreamId = id });
        }

        client.Replies.Should().BeEmpty();
        using var neighbour = await UpgradeClient.SpdyAsync(_cluster, "solo");
        var other = new SpdyClient(neighbour.Stream);
        await other.SendAsync(other.Pair(7000, 1, 3));
        await other.ReadRepliesAsync(1, 3);
    }

    [Fact]
    public async Task A_tunnel_can_send_any_bytes_and_GOAWAY_and_PING_and_resets()
    {
        using var upgrade = await OpenAsync();
        var client = new SpdyClient(upgrade.Stream);
        await TheTunnel.GoAwayAsync();
        await TheTunnel.PingAsync(2);
        await TheTunnel.ResetStreamAsync(9);
        await TheTunnel.WriteRawAsync(new byte[] { 1, 2, 3 });

        (await client.ReadAsync())!.Type.Should().Be("goaway");
        (await client.ReadAsync()).Should().BeEquivalentTo(new { Type = "ping", StreamId = 2 });
        (await client.ReadAsync()).Should().BeEquivalentTo(new { Type = "reset", StreamId = 9 });
        var raw = new byte[3];
        await upgrade.Stream.ReadExactlyAsync(raw);
        raw.Should().Equal(1, 2, 3);
    }

    [Fact]
    public async Task Bytes_are_delayed_in_each_direction()
    {
        _cluster.Tunnels.DelayToServer = TimeSpan.FromMilliseconds(60);
        _cluster.Tunnels.DelayToClient = TimeSpan.FromMilliseconds(40);
        using var upgrade = await UpgradeClient.SpdyAsync(_cluster, "solo");
        var client = new SpdyClient(upgrade.Stream);
        var started = TimeProvider.System.GetTimestamp();
        await client.SendAsync(client.Pair(7000, 1, 3), SpdyClient.Data(3, "hello"));
        await client.ReadUntilAsync(frame => frame.Type == "data");

        TimeProvider.System.GetElapsedTime(started).Should().BeGreaterThan(TimeSpan.FromMilliseconds(95));
    }

    [Fact]
    public async Task The_counts_of_streams_and_bytes_are_the_tunnels()
    {
        using var upgrade = await OpenAsync();
        var client = new SpdyClient(upgrade.Stream);
        await client.SendAsync(client.Pair(7000, 1, 3), SpdyClient.Data(3, "hello"));
        await client.ReadUntilAsync(frame => frame.Type == "data");

        TheTunnel.Should().BeEquivalentTo(new { Kind = TunnelKind.Spdy, Pod = "solo", Namespace = "default", User = "admin", OpenStreams = 2 });
        TheTunnel.BytesFromClient.Should().BeGreaterThan(13);
        _cluster.Activity.TunnelsOpened.Should().Be(1);
        _cluster.Activity.ConnectionsOpened.Should().Be(1);
    }

    private Tunnel TheTunnel => _cluster.Tunnels.Open[0];

    /// <summary>A tunnel that is known to be served: its first PING is answered.</summary>
    private async Task<UpgradeClient> OpenAsync()
    {
        var upgrade = await UpgradeClient.SpdyAsync(_cluster, "solo");
        var client = new SpdyClient(upgrade.Stream);
        await client.SendAsync(SpdyClient.Ping(99));
        (await client.ReadAsync())!.StreamId.Should().Be(99);
        return upgrade;
    }
}
