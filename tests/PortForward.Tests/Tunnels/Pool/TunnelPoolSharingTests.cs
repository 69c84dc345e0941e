using System.Collections.Concurrent;
using System.Net;
using PortForward.Tests.Support;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>What happens at the limit of tunnels, and to tunnels that die or only seem to.</summary>
public sealed class TunnelPoolSharingTests : IAsyncDisposable
{
    private readonly CountingTime _time = new();
    private readonly FakeDialer _dialer = new();
    private readonly List<int> _lost = [];
    private TunnelFault? _whyLost;
    private readonly TunnelPool _pool;
    private readonly List<IStreamPair> _opened = [];
    private int _saturated;

    public TunnelPoolSharingTests() => _pool = new TunnelPool(_dialer, new TunnelPoolOptions
    {
        MaxTunnels = 2,
        MaxPrewarmed = 0,
        Time = _time,
        OnLost = loss =>
        {
            _whyLost = loss.Fault;
            _lost.Add(loss.Alive);
        },
        OnSaturated = () => Interlocked.Increment(ref _saturated),
    });

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
    public async Task A_shared_tunnel_is_dropped_with_its_last_pair_when_one_of_them_does_not_settle()
    {
        IStreamPair first = await OpenAsync();
        await OpenAsync();
        IStreamPair neighbour = await OpenAsync();
        FakeTunnel shared = _dialer.Tunnels.First(tunnel => tunnel.Opened.Count == 2);
        IStreamPair unsettled = shared == _dialer.Tunnels.First() ? first : neighbour;
        FakePair other = shared.Pairs.Last();

        await unsettled.DisposeAsync();
        await shared.Pairs.First().Disposed.Soon();
        _time.Advance(TimeSpan.FromSeconds(10));
        shared.Disposals.Should().Be(0, "another connection is in it");

        other.Complete();
        await neighbour.DisposeAsync();
        await shared.Disposed.Soon();
    }

    [Fact]
    public async Task What_waits_behind_a_pair_that_the_pod_has_ended_and_not_taken_is_freed_as_soon_as_that_is_sure()
    {
        FakePair pods = await OpenSharedAsync();
        pods.FreesNeeded = 3;
        pods.EndData();
        pods.End(PairEndKind.Failed, "refused");

        await DrainAsync(pods);
        pods.Frees.Should().Be(0);
        await _time.AdvanceUntilAsync(() => pods.Frees == 3);
        await AdvanceAsync(TimeSpan.FromHours(1));
        pods.Frees.Should().Be(3);
    }

    [Fact]
    public async Task What_waits_behind_a_pair_is_left_alone_as_long_as_its_application_may_go_on()
    {
        FakePair pods = await OpenSharedAsync();

        await DrainAsync(pods);
        await AdvanceAsync(TimeSpan.FromHours(1));
        pods.Frees.Should().Be(0);

        pods.End(PairEndKind.Completed);
        await _time.AdvanceUntilAsync(() => pods.Frees == 1);
    }

    [Fact]
    public async Task What_waits_behind_a_pair_that_the_pod_takes_after_all_is_left_alone()
    {
        FakePair pods = await OpenSharedAsync();
        pods.FreesNeeded = int.MaxValue;
        pods.End(PairEndKind.Completed);

        await DrainAsync(pods);
        await _time.AdvanceUntilAsync(() => pods.Frees > 0);
        pods.Settle();
        await AdvanceAsync(TimeSpan.FromSeconds(10));
        int frees = pods.Frees;
        await AdvanceAsync(TimeSpan.FromHours(1));

        pods.Frees.Should().Be(frees);
    }

    [Fact]
    public async Task The_end_of_a_tunnel_is_told_with_the_number_of_those_that_stand()
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
    public async Task While_the_server_wants_no_more_tunnels_connections_share_those_that_stand(double? retryAfterSeconds, double waitSeconds)
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

    [Fact]
    public async Task Without_a_tunnel_that_stands_a_refused_dial_is_told()
    {
        await OpenAsync();
        _dialer.Tunnels.Single().CanOpen = false;
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.Refused, "429"));

        (await _pool.OpenPairAsync(80, default, CancellationToken.None).Soon()).Fault!.Message.Should().Be("429");
    }

    [Fact]
    public async Task Idle_tunnels_that_give_no_sign_of_life_after_a_loss_are_a_loss_too()
    {
        (FakeTunnel busy, FakeTunnel idle) = await OneBusyOneIdleAsync();
        idle.Pong = new TaskCompletionSource<bool>().Task;
        int timers = _time.Timers;

        busy.Die();
        await Waiting.UntilAsync(() => _lost.Count == 1 && _time.Timers == timers + 1);
        _time.Advance(TimeSpan.FromSeconds(5));

        await idle.Disposed.Soon();
        await Waiting.UntilAsync(() => _lost.Count == 2);
        _lost.Should().Equal(1, 0);
    }

    [Fact]
    public async Task Idle_tunnels_that_are_found_dead_at_the_same_moment_are_one_loss()
    {
        for (int round = 0; round < 200; round++)
        {
            var lost = new ConcurrentQueue<int>();
            var dialer = new FakeDialer();
            await using var pool = new TunnelPool(dialer, new TunnelPoolOptions { MaxPrewarmed = 0, Time = _time, OnLost = loss => lost.Enqueue(loss.Alive) });
            IStreamPair[] pairs = [.. await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => OpenAsync(pool)))];
            FakeTunnel[] tunnels = [.. dialer.Tunnels];
            TaskCompletionSource<bool>[] pongs = [.. tunnels.Select(_ => new TaskCompletionSource<bool>())];
            for (int i = 1; i < 4; i++)
            {
                tunnels[i].Pairs.Single().Complete();
                tunnels[i].Pong = pongs[i].Task;
            }

            // The first tunnel's pair never settles, whichever it is.
            await Task.WhenAll(pairs.Select(pair => pair.DisposeAsync().AsTask()));
            await Waiting.UntilAsync(() => pool.IdleCount == 3);
            int timers = _time.Timers;
            tunnels[0].Die();
            await Waiting.UntilAsync(() => lost.Count == 1 && _time.Timers == timers + 3);

            using var together = new Barrier(3);
            await Task.WhenAll(pongs[1..].Select(pong => Task.Factory.StartNew(
                () =>
                {
                    together.SignalAndWait();
                    pong.SetResult(false);
                },
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))).Soon();

            await Task.WhenAll(tunnels.Select(tunnel => tunnel.Disposed)).Soon();
            await Waiting.UntilAsync(() => lost.Count == 2);
            lost.Should().Equal(3, 0);
        }
    }

    [Fact]
    public async Task Idle_tunnels_that_give_no_sign_of_life_are_no_loss_while_another_one_lives()
    {
        (FakeTunnel busy, FakeTunnel doubted) = await OneBusyOneIdleAsync();
        doubted.Pong = new TaskCompletionSource<bool>().Task;
        int timers = _time.Timers;
        busy.Die();
        await Waiting.UntilAsync(() => _lost.Count == 1 && _time.Timers == timers + 1);

        await OpenAsync();
        _time.Advance(TimeSpan.FromSeconds(5));

        await doubted.Disposed.Soon();
        await _pool.DisposeAsync().Soon();
        _lost.Should().Equal(1);
    }

    [Fact]
    public async Task A_source_of_one_pod_has_no_other_pod_to_offer()
    {
        await using var source = new SinglePodSource(_pool);

        Attempt<RoutedPair> result = await source.OpenPairAsync(new PairRequest(80, default) { AvoidedPods = ["a"] }, CancellationToken.None).Soon();

        result.Fault!.Kind.Should().Be(TunnelFaultKind.NoOtherPod);
    }

    [Fact]
    public async Task A_dial_has_a_limit_of_its_own()
    {
        await using var pool = new TunnelPool(_dialer, new TunnelPoolOptions { DialTimeout = TimeSpan.FromSeconds(10), Time = _time });
        _dialer.Gate = new TaskCompletionSource().Task;
        Task<TunnelFault?> prepare = pool.ConnectAsync(CancellationToken.None);
        await Waiting.UntilAsync(() => _dialer.Dials == 1);

        _time.Advance(TimeSpan.FromSeconds(10));

        (await prepare.Soon())!.Kind.Should().Be(TunnelFaultKind.TimedOut);
    }

    [Fact]
    public void No_tunnel_at_all_is_refused()
    {
        Action create = () => _ = new TunnelPool(_dialer, new TunnelPoolOptions { MaxTunnels = 0 });

        create.Should().Throw<ArgumentOutOfRangeException>();
    }

    public async ValueTask DisposeAsync() => await _pool.DisposeAsync().Soon();

    private Task<IStreamPair> OpenAsync() => OpenAsync(_pool);

    private static async Task<IStreamPair> OpenAsync(TunnelPool pool) => (await pool.OpenPairAsync(80, default, CancellationToken.None).Soon()).Value!;

    private async Task<(FakeTunnel Busy, FakeTunnel Idle)> OneBusyOneIdleAsync()
    {
        IStreamPair pair = await OpenAsync();
        await OpenAsync();
        FakeTunnel idle = _dialer.Tunnels.First();
        idle.Pairs.Single().Complete();
        await pair.DisposeAsync();
        await Waiting.UntilAsync(() => _pool.IdleCount == 1);
        return (_dialer.Tunnels.Last(), idle);
    }

    /// <summary>The first of two pairs in one tunnel.</summary>
    private async Task<FakePair> OpenSharedAsync()
    {
        _opened.AddRange([await OpenAsync(), await OpenAsync(), await OpenAsync()]);
        return _dialer.Tunnels.First(tunnel => tunnel.Opened.Count == 2).Pairs.First();
    }

    private async Task DrainAsync(FakePair pods)
    {
        await _opened[pods == _dialer.Tunnels.First().Pairs.First() ? 0 : 1].DisposeAsync();
        await pods.Disposed.Soon();
    }

    /// <summary>Lets time pass in steps, so that timers which are set meanwhile run too.</summary>
    private async Task AdvanceAsync(TimeSpan time)
    {
        for (int i = 0; i < 20; i++)
        {
            _time.Advance(time / 20);
            await Task.Delay(1);
        }
    }
}
