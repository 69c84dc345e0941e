using System.Net;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>What the pool does about tunnels that have fallen silent.</summary>
public sealed class UnresponsiveTunnelTests() : TunnelPoolTestBase(maxTunnels: 2)
{
    [Fact]
    public async Task A_silent_tunnel_lives_when_another_one_can_be_dialled()
    {
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.Single();
        silent.IsUnresponsive = true;

        _time.Advance(TimeSpan.FromSeconds(5));
        await Waiting.UntilAsync(() => _pool.IdleCount == 1);
        _time.Advance(TimeSpan.FromMinutes(2));

        silent.Disposals.Should().Be(0, "its application may be in a debugger");
        _dialer.Dials.Should().Be(2, "the one that was dialled stands for the others");
    }

    [Fact]
    public async Task A_busy_tunnel_that_lives_stands_for_a_silent_one()
    {
        await OpenAsync();
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.First();
        silent.IsUnresponsive = true;
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.Refused, "500"));

        _time.Advance(TimeSpan.FromMinutes(2));

        (silent.Disposals, _dialer.Dials).Should().Be((0, 2), "nobody need be asked whether the pod can be reached");
    }

    [Theory]
    [InlineData(HttpStatusCode.Unauthorized)]
    [InlineData(HttpStatusCode.Forbidden)]
    [InlineData(HttpStatusCode.TooManyRequests)]
    public async Task A_server_that_wants_no_more_tunnels_says_nothing_about_a_silent_one(HttpStatusCode status)
    {
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.Single();
        silent.IsUnresponsive = true;
        for (int i = 0; i < 30; i++)
        {
            _dialer.FailNext(new TunnelFault(TunnelFaultKind.Refused, "refused") { StatusCode = status });
        }

        for (int i = 2; i < 6; i++)
        {
            await _time.AdvanceUntilAsync(() => _dialer.Dials >= i);
        }

        silent.Disposals.Should().Be(0);
    }

    [Fact]
    public async Task A_connection_that_is_refused_a_tunnel_does_not_wait_for_a_silent_one()
    {
        await OpenAsync();
        _dialer.Tunnels.Single().IsUnresponsive = true;
        var refused = new TunnelFault(TunnelFaultKind.Refused, "expired") { StatusCode = HttpStatusCode.Unauthorized };
        _dialer.FailNext(refused);

        Attempt<IStreamPair> opened = await _pool.OpenPairAsync(80, default, CancellationToken.None).Soon();

        opened.Fault.Should().Be(refused);
    }

    [Fact]
    public async Task A_silent_tunnel_is_dropped_when_no_other_can_be_dialled()
    {
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.Single();
        silent.IsUnresponsive = true;
        _dialer.Gate = new TaskCompletionSource().Task;

        _time.Advance(TimeSpan.FromSeconds(5));
        await Waiting.UntilAsync(() => _dialer.Dials == 2);
        silent.Disposals.Should().Be(0);
        _time.Advance(TimeSpan.FromSeconds(6));

        await silent.Disposed.Soon();
        await Waiting.UntilAsync(() => _lost.Count == 1);
        _lost.Should().Equal(0);
    }

    [Fact]
    public async Task Whether_another_tunnel_can_be_had_is_asked_when_one_falls_silent_and_the_answer_awaits_the_end_of_its_time()
    {
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.Single();
        var unreachable = new TunnelFault(TunnelFaultKind.Unreachable, "the network is frozen");
        _dialer.FailNext(unreachable);

        silent.FallSilent();
        _dialer.Dials.Should().Be(2);
        _time.Advance(TimeSpan.FromSeconds(4.9));
        silent.Disposals.Should().Be(0, "its time is not up");
        silent.FallSilent(isUnresponsive: true);

        await silent.Disposed.Soon();
        await Waiting.UntilAsync(() => _lost.Count == 1);
        (_lost[0], _whyLost, _dialer.Dials).Should().Be((0, unreachable, 2));
    }

    [Fact]
    public async Task A_dial_that_hangs_until_the_time_of_a_silent_tunnel_is_up_is_an_answer_a_second_later()
    {
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.Single();
        _dialer.Gate = new TaskCompletionSource().Task;

        silent.FallSilent();
        _time.Advance(TimeSpan.FromSeconds(5));
        silent.FallSilent(isUnresponsive: true);
        silent.Disposals.Should().Be(0);
        _time.Advance(TimeSpan.FromSeconds(1));

        await silent.Disposed.Soon();
        await Waiting.UntilAsync(() => _lost.Count == 1);
        _whyLost!.Message.Should().Be("the server did not answer within 6 s");
    }

    [Fact]
    public async Task Why_no_other_tunnel_can_be_had_is_told_also_when_the_silent_ones_have_ended_by_themselves_meanwhile()
    {
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.Single();
        _dialer.Gate = new TaskCompletionSource().Task;
        silent.FallSilent();
        _time.Advance(TimeSpan.FromSeconds(5));

        silent.Die();
        await Waiting.UntilAsync(() => _lost.Count == 1);
        _whyLost.Should().BeNull("it is not known yet");
        _time.Advance(TimeSpan.FromSeconds(1));

        await Waiting.UntilAsync(() => _lost.Count == 2);
        _lost.Should().Equal(0, 0);
        _whyLost.Should().NotBeNull();
    }

    [Fact]
    public async Task A_tunnel_that_is_heard_again_is_kept_whatever_was_found_out()
    {
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.Single();
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.Unreachable, "the network is frozen"));
        silent.FallSilent();
        await Waiting.UntilAsync(() => _dialer.Dials == 2);

        silent.BeHeard();
        _time.Advance(TimeSpan.FromMinutes(2));

        (silent.Disposals, _lost.Count).Should().Be((0, 0));
    }

    [Fact]
    public async Task What_was_found_out_is_nothing_against_another_tunnel_that_is_heard()
    {
        await OpenAsync();
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.First(), other = _dialer.Tunnels.Last();
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.Unreachable, "the network is frozen"));
        other.FallSilent();
        silent.FallSilent();
        await Waiting.UntilAsync(() => _dialer.Dials == 3);

        other.BeHeard();
        silent.FallSilent(isUnresponsive: true);

        (silent.Disposals, _lost.Count).Should().Be((0, 0));
    }

    [Fact]
    public async Task Nobody_is_asked_about_a_silent_tunnel_while_another_one_is_heard()
    {
        await OpenAsync();
        await OpenAsync();

        _dialer.Tunnels.First().FallSilent();
        _time.Advance(TimeSpan.FromMinutes(2));
        _dialer.Dials.Should().Be(2);
        _dialer.Tunnels.Last().FallSilent();

        _dialer.Dials.Should().Be(3);
    }

    [Fact]
    public async Task Who_prepares_is_not_told_of_a_silent_tunnel()
    {
        await OpenAsync();
        var unreachable = new TunnelFault(TunnelFaultKind.Unreachable, "the network is frozen");
        _dialer.FailNext(unreachable);
        _dialer.FailNext(unreachable);
        _dialer.Tunnels.Single().FallSilent();

        (await _pool.ConnectAsync(CancellationToken.None).Soon()).Should().NotBeNull();
    }

    [Fact]
    public async Task A_silent_tunnel_is_looked_after_at_once_when_the_idle_one_that_stood_for_it_is_lost()
    {
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.Single();
        await OpenAsync();
        FakeTunnel other = _dialer.Tunnels.Last();
        silent.IsUnresponsive = true;
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.Unreachable, "the network is frozen"));

        other.Die();

        await silent.Disposed.Soon();
        await Waiting.UntilAsync(() => _lost.Count == 2);
        _lost.Should().Equal(0, 0);
    }

    [Fact]
    public async Task A_silent_tunnel_is_dropped_when_the_pod_is_gone()
    {
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.Single();
        silent.IsUnresponsive = true;
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.Refused, "404"));

        _time.Advance(TimeSpan.FromSeconds(5));

        await silent.Disposed.Soon();
    }

    [Fact]
    public async Task A_tunnel_dialled_to_find_out_whether_the_pod_lives_serves_one_whose_dial_was_refused()
    {
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.Single();
        (silent.IsUnresponsive, silent.Flow) = (true, new TaskCompletionSource<bool>().Task);
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.Refused, "429") { RetryAfter = TimeSpan.FromMinutes(10) });
        Task<IStreamPair> open = OpenAsync();
        await Waiting.UntilAsync(() => silent.FlowQuestions > 0);

        _time.Advance(TimeSpan.FromSeconds(5));

        await open;
        _dialer.Tunnels.Last().Opened.Should().ContainSingle();
        _dialer.Dials.Should().Be(3);
    }
}
