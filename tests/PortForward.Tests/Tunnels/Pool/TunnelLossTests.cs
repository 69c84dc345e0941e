using System.Collections.Concurrent;
using PortForward.Tests.Support;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>What is told when tunnels end.</summary>
public sealed class TunnelLossTests : TunnelPoolTestBase
{
    [Fact]
    public async Task The_end_of_a_tunnel_is_told_with_the_number_of_those_that_are_alive()
    {
        await OpenAsync();
        await OpenAsync();

        _dialer.Tunnels.First().Die();
        await Waiting.UntilAsync(() => _lost.Count == 1);
        _dialer.Tunnels.Last().Die();
        await Waiting.UntilAsync(() => _lost.Count == 2);

        _lost.Should().Equal(1, 0);
        _dialer.Tunnels.Should().AllSatisfy(tunnel => tunnel.Disposals.Should().Be(1));
    }

    [Fact]
    public async Task A_tunnel_that_has_carried_all_it_can_is_no_loss_and_its_successor_is_dialled()
    {
        var lost = new List<int>();
        await using var pool = new TunnelPool(_dialer, _options with { OnLost = loss => lost.Add(loss.Alive) });
        await pool.OpenPairAsync(80, default, CancellationToken.None);

        _dialer.Tunnels.Single().Finish();
        await _dialer.Tunnels.Single().Disposed.Soon();
        await pool.OpenPairAsync(80, default, CancellationToken.None);

        (lost.Count, _dialer.Dials).Should().Be((0, 2));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Tunnels_that_end_together_are_the_loss_of_those_that_have_served(bool idleIsNoticedFirst)
    {
        var lost = new ConcurrentQueue<TunnelLoss>();
        await using var pool = new TunnelPool(_dialer, _options with { MinimumIdle = 1, OnLost = lost.Enqueue });
        await pool.ConnectAsync(CancellationToken.None);
        await pool.OpenPairAsync(80, default, CancellationToken.None);
        await Waiting.UntilAsync(() => pool.IdleCount == 1);
        FakeTunnel served = _dialer.Tunnels.Single(tunnel => !tunnel.Opened.IsEmpty);
        FakeTunnel idle = _dialer.Tunnels.Single(tunnel => tunnel.Opened.IsEmpty);
        (served.CanOpen, idle.CanOpen) = (false, false);

        (idleIsNoticedFirst ? idle : served).Die();
        await Waiting.UntilAsync(() => !lost.IsEmpty);

        lost.Should().OnlyContain(loss => loss.HasServed);
        lost.First().Should().Be(new TunnelLoss(Alive: 0, HasServed: true));
    }

    [Fact]
    public async Task A_tunnel_that_served_counts_for_the_next_loss_also_when_the_pool_has_dropped_it()
    {
        var lost = new ConcurrentQueue<TunnelLoss>();
        await using var pool = new TunnelPool(_dialer, _options with { MinimumIdle = 1, OnLost = lost.Enqueue });
        await pool.ConnectAsync(CancellationToken.None);
        IStreamPair pair = (await pool.OpenPairAsync(80, default, CancellationToken.None)).Value!;
        await Waiting.UntilAsync(() => pool.IdleCount == 1);
        FakeTunnel served = _dialer.Tunnels.Single(tunnel => !tunnel.Opened.IsEmpty);
        FakeTunnel idle = _dialer.Tunnels.Single(tunnel => tunnel.Opened.IsEmpty);
        await pair.DisposeAsync();
        _time.Advance(_options.DrainTimeout);
        await served.Disposed.Soon();

        idle.Die();
        await Waiting.UntilAsync(() => !lost.IsEmpty);

        lost.Should().Equal(new TunnelLoss(Alive: 0, HasServed: true));
    }
}
