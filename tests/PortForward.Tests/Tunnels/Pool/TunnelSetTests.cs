using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>Which idle tunnel is used next, and which ones are ended.</summary>
public sealed class TunnelSetTests : TunnelPoolTestBase
{
    [Fact]
    public async Task The_tunnel_used_last_is_used_first()
    {
        IStreamPair a = await OpenAsync(), b = await OpenAsync(), c = await OpenAsync();
        FakeTunnel[] tunnels = [.. _dialer.Tunnels];
        await ReturnAsync(b, tunnels[1]);
        await ReturnAsync(c, tunnels[2]);
        await ReturnAsync(a, tunnels[0]);

        foreach (FakeTunnel expected in new[] { tunnels[0], tunnels[2], tunnels[1] })
        {
            expected.Opened.Should().ContainSingle();
            await OpenAsync();
            expected.Opened.Should().HaveCount(2);
        }

        _dialer.Dials.Should().Be(3);
    }

    [Fact]
    public async Task Idle_tunnels_that_have_died_are_skipped_and_dropped()
    {
        IStreamPair a = await OpenAsync(), b = await OpenAsync();
        FakeTunnel[] tunnels = [.. _dialer.Tunnels];
        await ReturnAsync(a, tunnels[0]);
        await ReturnAsync(b, tunnels[1]);
        tunnels[1].CanOpen = false;

        await OpenAsync();

        tunnels[0].Opened.Should().HaveCount(2);
        await tunnels[1].Disposed.Soon();
        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task Tunnels_that_nobody_needed_for_a_while_are_ended_except_the_one_used_last()
    {
        IStreamPair a = await OpenAsync(), b = await OpenAsync(), c = await OpenAsync();
        FakeTunnel[] tunnels = [.. _dialer.Tunnels];
        _time.Advance(TimeSpan.FromSeconds(30));
        await ReturnAsync(a, tunnels[0]);
        await ReturnAsync(b, tunnels[1]);
        await ReturnAsync(c, tunnels[2]);

        _time.Advance(TimeSpan.FromSeconds(30));
        tunnels.Sum(tunnel => tunnel.Disposals).Should().Be(0, "they were used half a minute ago");
        _time.Advance(TimeSpan.FromSeconds(60));

        await tunnels[0].Disposed.Soon();
        await tunnels[1].Disposed.Soon();
        tunnels[2].Disposals.Should().Be(0);
        _time.Advance(TimeSpan.FromHours(10));
        tunnels[2].Disposals.Should().Be(0);
    }

    [Fact]
    public async Task Trimming_ends_idle_tunnels_that_have_died()
    {
        IStreamPair a = await OpenAsync(), b = await OpenAsync();
        FakeTunnel[] tunnels = [.. _dialer.Tunnels];
        await ReturnAsync(a, tunnels[0]);
        await ReturnAsync(b, tunnels[1]);
        tunnels[1].CanOpen = false;

        _time.Advance(TimeSpan.FromSeconds(60));

        await tunnels[1].Disposed.Soon();
        tunnels[0].Disposals.Should().Be(0, "now it is the one used last");
    }
}
