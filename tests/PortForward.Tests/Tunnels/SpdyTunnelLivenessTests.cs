using PortForward.Spdy;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>When a tunnel sends PINGs, and when missing pongs make it unresponsive or dead.</summary>
public sealed class SpdyTunnelLivenessTests : SpdyTunnelTestBase
{
    private static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task An_idle_tunnel_is_pinged_so_that_nobody_cuts_it()
    {
        _time.Advance(PingInterval);
        (await _pod.ReadControlAsync(WireFrame.Ping)).Word(0).Should().Be(1);
        await _pod.SendAsync(SpdyPeer.Ping(1));

        _time.Advance(PingInterval);
        (await _pod.ReadControlAsync(WireFrame.Ping)).Word(0).Should().Be(3);

        await _tunnel.DisposeAsync();
        _time.Advance(PingInterval);
        (await _pod.ReadAsync()).Should().BeNull();
    }

    [Fact]
    public async Task Pings_that_a_stalled_pod_does_not_answer_do_not_pile_up()
    {
        ITunnelPair pair = await OpenAsync();
        await pair.WriteAsync("never read"u8.ToArray(), CancellationToken.None);
        await _pod.ReadDataAsync(DataId);
        for (int i = 0; i < 100; i++)
        {
            await AskAsync(pings: 5);
        }

        SpdySession session = SpdyTunnelInsides.SessionOf(_tunnel);
        await Waiting.UntilAsync(() => session.AwaitedPongs <= 5);
        _tunnel.CanOpen.Should().BeTrue("an application that does not read is no reason to drop the tunnel");
        _tunnel.IsUnresponsive.Should().BeTrue("but it may be dead as well");
    }

    [Fact]
    public async Task A_tunnel_that_was_not_heard_for_an_interval_says_so_and_again_when_its_time_is_up()
    {
        int silences = 0;
        _tunnel.OnSilence = () => silences++;
        ITunnelPair pair = await OpenAsync();
        await pair.WriteAsync("not read yet"u8.ToArray(), CancellationToken.None);
        await _pod.ReadDataAsync(DataId);

        await AskAsync(pings: 5);
        (_tunnel.IsSilent, silences).Should().Be((false, 0), "the pair was answered");
        await AskAsync(pings: 5);
        (_tunnel.IsSilent, _tunnel.IsUnresponsive, silences).Should().Be((true, false, 1));
        await AskAsync(pings: 5);
        await AskAsync(pings: 5);
        (_tunnel.IsSilent, _tunnel.IsUnresponsive, silences).Should().Be((true, true, 2));

        await SettleAsync();
        _tunnel.IsSilent.Should().BeFalse();
    }

    [Fact]
    public async Task A_silent_tunnel_is_dead_after_three_pings()
    {
        await AskAsync(pings: 1);
        await AskAsync(pings: 1);
        _tunnel.CanOpen.Should().BeTrue();
        _time.Advance(PingInterval);

        await _tunnel.Completion.Soon();
        _tunnel.CanOpen.Should().BeFalse();
    }

    [Fact]
    public async Task Any_byte_that_came_after_a_ping_keeps_a_tunnel_alive()
    {
        ITunnelPair pair = await OpenAsync();
        for (int i = 0; i < 20; i++)
        {
            await AskAsync(pings: 1);
            await _pod.SendAsync(SpdyPeer.Data(DataId, "x"));
            System.IO.Pipelines.ReadResult read = await pair.Input.ReadAsync().AsTask().Soon();
            pair.Input.AdvanceTo(read.Buffer.End);
            await SettleAsync();
        }

        _tunnel.CanOpen.Should().BeTrue("no PING was ever answered, but bytes have come");
    }

    [Fact]
    public async Task No_deadline_runs_while_this_sides_client_does_not_read()
    {
        ITunnelPair pair = await OpenAsync();
        Task flood = _pod.SendAsync(SpdyPeer.Data(DataId, new byte[1_000_000]));
        SpdySession session = SpdyTunnelInsides.SessionOf(_tunnel);
        await Waiting.UntilAsync(() => !session.IsReading && session.BytesReceived > 250_000);

        _time.Advance(TimeSpan.FromMinutes(2));

        _tunnel.CanOpen.Should().BeTrue();
        _tunnel.IsUnresponsive.Should().BeFalse();
        int received = 0;
        while (received < 1_000_000)
        {
            System.IO.Pipelines.ReadResult read = await pair.Input.ReadAsync().AsTask().Soon();
            received += (int)read.Buffer.Length;
            pair.Input.AdvanceTo(read.Buffer.End);
        }

        await flood.Soon();
    }

    [Fact]
    public async Task An_unresponsive_tunnel_that_is_heard_again_is_so_no_more()
    {
        ITunnelPair pair = await OpenAsync();
        await pair.WriteAsync("not read yet"u8.ToArray(), CancellationToken.None);
        await _pod.ReadDataAsync(DataId);
        for (int i = 0; i < 10; i++)
        {
            await AskAsync(pings: 5);
        }

        _tunnel.IsUnresponsive.Should().BeTrue();
        await SettleAsync();
        await AskAsync(pings: 5);

        _tunnel.IsUnresponsive.Should().BeFalse();
    }

    [Fact]
    public async Task After_a_sleep_one_ping_without_a_pong_is_enough()
    {
        _time.Slept = TimeSpan.FromHours(8);
        await AskAsync(pings: 1);
        _tunnel.CanOpen.Should().BeTrue();
        _time.Advance(PingInterval);

        await _tunnel.Completion.Soon();
    }

    [Fact]
    public async Task After_a_sleep_an_answer_keeps_the_tunnel()
    {
        _time.Slept = TimeSpan.FromHours(8);
        await AskAsync(pings: 1);
        await SettleAsync();
        await AskAsync(pings: 1);

        _tunnel.CanOpen.Should().BeTrue();
    }

    /// <summary>Lets the time of a PING come, and reads it.</summary>
    private async Task AskAsync(int pings)
    {
        await Waiting.UntilAsync(() => SpdyTunnelInsides.SessionOf(_tunnel).IsReading);
        _time.Advance(PingInterval);
        for (int i = 0; i < pings; i++)
        {
            await _pod.ReadControlAsync(WireFrame.Ping);
        }
    }
}
