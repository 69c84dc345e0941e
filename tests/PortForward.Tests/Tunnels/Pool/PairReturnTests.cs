using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>When a tunnel is used again after its pair has been disposed, and when it is dropped.</summary>
public sealed class PairReturnTests : TunnelPoolTestBase
{
    [Fact]
    public async Task A_tunnel_whose_pair_has_settled_is_used_again()
    {
        IStreamPair first = await OpenAsync();
        FakeTunnel tunnel = _dialer.Tunnels.Single();

        await ReturnAsync(first, tunnel);
        await OpenAsync();

        _dialer.Dials.Should().Be(1);
        tunnel.Opened.Should().HaveCount(2);
    }

    [Fact]
    public async Task A_tunnel_is_not_used_again_before_its_pair_has_settled()
    {
        IStreamPair first = await OpenAsync();
        FakePair pair = _dialer.Tunnels.Single().Pairs.Single();

        await first.DisposeAsync();
        await pair.Disposed.Soon();
        await OpenAsync();

        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task A_pair_that_the_pod_does_not_answer_costs_its_tunnel_and_another_one_is_dialled()
    {
        IStreamPair pair = await OpenAsync();
        FakeTunnel stuck = _dialer.Tunnels.Single();

        stuck.CanOpen = false;
        stuck.Pairs.Single().LeaveUnanswered();
        await pair.DisposeAsync();

        await stuck.Disposed.Soon();
        await Waiting.UntilAsync(() => _pool.IdleCount == 1);
        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task A_pair_that_does_not_settle_in_time_costs_its_tunnel()
    {
        IStreamPair pair = await OpenAsync();
        FakeTunnel tunnel = _dialer.Tunnels.Single();
        await pair.DisposeAsync();

        _time.Advance(_options.DrainTimeout - TimeSpan.FromMilliseconds(1));
        tunnel.Disposals.Should().Be(0);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        await tunnel.Disposed.Soon();
        await OpenAsync();
        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task A_pair_that_was_left_may_settle_as_late_as_it_likes_and_one_that_was_reset_may_not()
    {
        IStreamPair left = await OpenAsync(), reset = await OpenAsync();
        FakeTunnel[] tunnels = [.. _dialer.Tunnels];
        left.CloseByClient();
        await left.DisposeAsync();
        reset.Reset();
        await reset.DisposeAsync();

        _time.Advance(_options.DrainTimeout);
        await tunnels[1].Disposed.Soon();
        _time.Advance(TimeSpan.FromMinutes(2));
        tunnels[0].Disposals.Should().Be(0, "its application may be in a debugger, and is owed every byte");
        await OpenAsync();
        tunnels[0].Opened.Should().ContainSingle("what lies in it unread would hold up another connection");
        tunnels[0].Pairs.Single().Settle();

        await Waiting.UntilAsync(() => _pool.IdleCount == 1);
        await OpenAsync();
        tunnels[0].Opened.Should().HaveCount(2);
    }

    [Fact]
    public async Task A_pair_closed_by_its_client_has_the_usual_time_to_drain_once_its_completion_status_has_come()
    {
        IStreamPair pair = await OpenAsync();
        FakeTunnel tunnel = _dialer.Tunnels.Single();
        pair.CloseByClient();
        await pair.DisposeAsync();
        _time.Advance(TimeSpan.FromMinutes(2));
        tunnel.Disposals.Should().Be(0);
        int timers = _time.Timers;

        tunnel.Pairs.Single().End(PairEndKind.Reset);
        await Waiting.UntilAsync(() => _time.Timers > timers);
        _time.Advance(_options.DrainTimeout - TimeSpan.FromMilliseconds(1));
        tunnel.Disposals.Should().Be(0);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        await tunnel.Disposed.Soon();
    }

    [Fact]
    public async Task A_tunnel_whose_left_pair_is_not_settled_is_dropped_when_it_ends()
    {
        IStreamPair pair = await OpenAsync();
        FakeTunnel tunnel = _dialer.Tunnels.Single();
        pair.CloseByClient();
        await pair.DisposeAsync();
        _time.Advance(_options.DrainTimeout);
        tunnel.Disposals.Should().Be(0);

        tunnel.Die();

        await tunnel.Disposed.Soon();
        await Waiting.UntilAsync(() => _pool.BusyCount == 0);
        _pool.IdleCount.Should().Be(0);
    }

    [Fact]
    public async Task A_tunnel_that_ended_while_it_was_used_is_dropped()
    {
        IStreamPair pair = await OpenAsync();
        FakeTunnel tunnel = _dialer.Tunnels.Single();
        tunnel.CanOpen = false;
        tunnel.Pairs.Single().Lose();

        await pair.DisposeAsync();

        await tunnel.Disposed.Soon();
    }

    [Fact]
    public async Task Disposing_a_pair_twice_gives_its_tunnel_back_once()
    {
        IStreamPair pair = await OpenAsync();
        FakeTunnel tunnel = _dialer.Tunnels.Single();
        await ReturnAsync(pair, tunnel);
        await pair.DisposeAsync();

        await OpenAsync();
        await OpenAsync();

        _dialer.Dials.Should().Be(2, "one tunnel carries one busy connection");
    }

    [Fact]
    public async Task A_tunnel_whose_pod_never_takes_the_bytes_sent_is_dropped()
    {
        IStreamPair pair = await OpenAsync();
        FakeTunnel tunnel = _dialer.Tunnels.Single();
        FakePair inner = tunnel.Pairs.Single();
        inner.IsNeverTaken = true;
        inner.Complete();
        await pair.DisposeAsync();
        await inner.Disposed.Soon();

        await OpenAsync();
        _dialer.Dials.Should().Be(2, "the tunnel is not idle yet");
        _time.Advance(TimeSpan.FromSeconds(10));

        await tunnel.Disposed.Soon();
    }

    [Fact]
    public async Task Dispose_while_a_pair_settles_ends_its_tunnel()
    {
        IStreamPair pair = await OpenAsync();
        await pair.DisposeAsync();

        await _pool.DisposeAsync().Soon();

        _dialer.Tunnels.Single().Disposals.Should().Be(1);
    }
}
