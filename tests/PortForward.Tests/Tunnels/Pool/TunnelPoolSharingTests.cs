using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>What happens at the limit of tunnels.</summary>
public sealed class TunnelPoolSharingTests() : TunnelPoolTestBase(maxTunnels: 2)
{
    [Fact]
    public async Task At_the_limit_connections_share_the_least_busy_tunnel()
    {
        for (int i = 0; i < 6; i++)
        {
            await OpenAsync();
        }

        _dialer.Dials.Should().Be(2);
        _dialer.Tunnels.Select(tunnel => tunnel.Opened.Count).Should().Equal(3, 3);
        _saturated.Should().Be(0);
    }

    [Fact]
    public async Task A_tunnel_that_is_held_up_is_never_shared()
    {
        await OpenAsync();
        await OpenAsync();
        _dialer.Tunnels.First().Flow = new TaskCompletionSource<bool>().Task;

        for (int i = 0; i < 3; i++)
        {
            Task<IStreamPair> open = OpenAsync();
            await _time.AdvanceUntilAsync(open);
        }

        _dialer.Tunnels.Select(tunnel => tunnel.Opened.Count).Should().Equal(1, 4);
    }

    [Fact]
    public async Task When_all_are_held_up_a_connection_waits_with_one_warning_until_one_is_not()
    {
        await OpenAsync();
        await OpenAsync();
        foreach (FakeTunnel tunnel in _dialer.Tunnels)
        {
            tunnel.Flow = new TaskCompletionSource<bool>().Task;
        }

        Task<IStreamPair> open = OpenAsync();
        await _time.AdvanceUntilAsync(() => _saturated == 1);
        for (int i = 0; i < 10; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        open.IsCompleted.Should().BeFalse();
        _dialer.Tunnels.Last().Flow = Task.FromResult(true);
        await _time.AdvanceUntilAsync(open);
        _saturated.Should().Be(1);
        _dialer.Tunnels.Last().Opened.Should().HaveCount(2);
    }

    [Fact]
    public async Task A_tunnel_that_becomes_free_serves_the_one_who_waits()
    {
        IStreamPair first = await OpenAsync();
        await OpenAsync();
        foreach (FakeTunnel tunnel in _dialer.Tunnels)
        {
            tunnel.Flow = new TaskCompletionSource<bool>().Task;
        }

        Task<IStreamPair> open = OpenAsync();
        _dialer.Tunnels.First().Pairs.Single().Complete();
        await first.DisposeAsync();

        await open;
        _dialer.Tunnels.First().Opened.Should().HaveCount(2);
    }

    [Fact]
    public async Task The_end_of_a_tunnel_at_the_limit_lets_one_who_waits_have_a_new_one()
    {
        await OpenAsync();
        await OpenAsync();
        foreach (FakeTunnel tunnel in _dialer.Tunnels)
        {
            tunnel.Flow = new TaskCompletionSource<bool>().Task;
        }

        Task<IStreamPair> open = OpenAsync();
        await _time.AdvanceUntilAsync(() => _saturated == 1);
        _dialer.Tunnels.First().Die();

        await _time.AdvanceUntilAsync(open);
        _dialer.Dials.Should().Be(3);
    }

    [Fact]
    public async Task Connections_that_wait_are_told_of_once_and_again_when_others_have_to_wait_later()
    {
        await OpenAsync();
        await OpenAsync();
        FakeTunnel[] tunnels = [.. _dialer.Tunnels];
        var heldUp = new TaskCompletionSource<bool>();
        Array.ForEach(tunnels, tunnel => tunnel.Flow = heldUp.Task);

        Task<IStreamPair>[] waiting = [OpenAsync(), OpenAsync(), OpenAsync()];
        await _time.AdvanceUntilAsync(() => tunnels[0].FlowQuestions > 30);
        _saturated.Should().Be(1);
        heldUp.SetResult(true);
        await _time.AdvanceUntilAsync(Task.WhenAll(waiting));
        _saturated.Should().Be(1);

        Array.ForEach(tunnels, tunnel => tunnel.Flow = new TaskCompletionSource<bool>().Task);
        _ = OpenAsync();
        await _time.AdvanceUntilAsync(() => _saturated == 2);
    }

    [Theory]
    [InlineData(null, 1)]
    [InlineData(0.2, 1)]
    [InlineData(30.0, 30)]
    [InlineData(252_000_000_000.0, 120)]
    public async Task While_the_server_wants_no_more_tunnels_connections_share_those_that_are_established(double? retryAfterSeconds, double waitSeconds)
    {
        await OpenAsync();
        FakeTunnel tunnel = _dialer.Tunnels.Single();
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.Refused, "429") { RetryAfter = retryAfterSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null });

        (await OpenAsync()).Should().NotBeNull("a refused upgrade is no fault of a pod that is reached by another one");
        (tunnel.Opened.Count, _dialer.Dials).Should().Be((2, 2));
        _time.Advance(TimeSpan.FromSeconds(waitSeconds) - TimeSpan.FromMilliseconds(1));
        await OpenAsync();
        (tunnel.Opened.Count, _dialer.Dials).Should().Be((3, 2));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await OpenAsync();

        (tunnel.Opened.Count, _dialer.Dials).Should().Be((3, 3));
        _saturated.Should().Be(0);
    }

    [Fact]
    public async Task A_refused_dial_is_tried_again_for_one_that_finds_nothing_to_share()
    {
        await OpenAsync();
        _dialer.Tunnels.Single().Flow = new TaskCompletionSource<bool>().Task;
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.Refused, "429"));

        Task<IStreamPair> open = OpenAsync();
        await _time.AdvanceUntilAsync(open);

        _dialer.Dials.Should().Be(3);
        _dialer.Tunnels.Last().Opened.Should().ContainSingle();
    }

    [Fact]
    public async Task Without_a_tunnel_that_stands_a_refused_dial_is_told()
    {
        await OpenAsync();
        _dialer.Tunnels.Single().CanOpen = false;
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.Refused, "429"));

        (await _pool.OpenPairAsync(80, default, CancellationToken.None).Soon()).Fault!.Message.Should().Be("429");
    }
}
