using System.Collections.Concurrent;
using System.Text;
using PortForward.Tests.Support;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels.Pool;

public sealed class TunnelPoolTests : IAsyncDisposable
{
    private static readonly TunnelFault Gone = new(TunnelFaultKind.Refused, "the server answered the upgrade with 404 Not Found");

    private readonly CountingTime _time = new();
    private readonly FakeDialer _dialer = new();
    private readonly TunnelPoolOptions _options;
    private readonly TunnelPool _pool;

    public TunnelPoolTests()
    {
        _options = new TunnelPoolOptions { MaxPrewarmed = 0, Time = _time };
        _pool = new TunnelPool(_dialer, _options);
    }

    [Fact]
    public async Task Connections_at_the_same_time_have_a_tunnel_each()
    {
        await OpenAsync(80, "first");
        await OpenAsync(81, "second");

        _dialer.Dials.Should().Be(2);
        _dialer.Tunnels.Select(tunnel => tunnel.Opened.Single()).Should().Equal((80, "first"), (81, "second"));
    }

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
    public async Task First_bytes_that_a_dying_tunnel_did_not_take_go_to_another_one_and_never_twice()
    {
        IStreamPair a = await OpenAsync(80, "a"), b = await OpenAsync(80, "b");
        FakeTunnel[] tunnels = [.. _dialer.Tunnels];
        await ReturnAsync(a, tunnels[0]);
        await ReturnAsync(b, tunnels[1]);
        tunnels[1].DiesOnOpen = true;

        await OpenAsync(80, "precious");

        _dialer.Tunnels.SelectMany(tunnel => tunnel.Opened).Count(opened => opened.InitialData == "precious").Should().Be(1);
        tunnels[0].Opened.Last().InitialData.Should().Be("precious");
        await tunnels[1].Disposed.Soon();
    }

    [Fact]
    public async Task When_every_idle_tunnel_is_dead_a_new_one_is_dialled()
    {
        IStreamPair a = await OpenAsync();
        await ReturnAsync(a, _dialer.Tunnels.Single());
        _dialer.Tunnels.Single().DiesOnOpen = true;

        await OpenAsync(80, "x");

        _dialer.Dials.Should().Be(2);
        _dialer.Tunnels.Last().Opened.Should().Equal((80, "x"));
    }

    [Fact]
    public async Task A_fresh_tunnel_that_dies_before_it_is_used_is_a_fault_and_not_a_loop()
    {
        _dialer.Prepare = static tunnel => tunnel.DiesOnOpen = true;

        Attempt<IStreamPair> result = await _pool.OpenPairAsync(80, default, CancellationToken.None).Soon();

        result.Succeeded(out _, out TunnelFault? fault).Should().BeFalse();
        fault!.Kind.Should().Be(TunnelFaultKind.Lost);
        _dialer.Dials.Should().Be(1);
        await _dialer.Tunnels.Single().Disposed.Soon();
    }

    [Fact]
    public async Task Why_a_dial_failed_is_returned_as_a_value()
    {
        _dialer.FailNext(Gone);
        _dialer.FailNext(Gone);

        (await _pool.OpenPairAsync(80, default, CancellationToken.None).Soon()).Fault.Should().BeSameAs(Gone);
        (await _pool.ConnectAsync(CancellationToken.None).Soon()).Should().BeSameAs(Gone);
    }

    [Fact]
    public async Task A_prepared_tunnel_serves_the_first_connection()
    {
        (await _pool.ConnectAsync(CancellationToken.None).Soon()).Should().BeNull();
        (await _pool.ConnectAsync(CancellationToken.None).Soon()).Should().BeNull();
        await OpenAsync();

        _dialer.Dials.Should().Be(1);
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
    public async Task A_pair_that_was_left_has_the_usual_time_to_settle_once_its_verdict_has_come()
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
    public async Task A_pair_passes_everything_on()
    {
        IStreamPair pair = await OpenAsync();
        FakePair inner = _dialer.Tunnels.Single().Pairs.Single();

        (await pair.WriteAsync("x"u8.ToArray(), CancellationToken.None)).Should().BeTrue();
        await pair.FinishAsync(CancellationToken.None);
        pair.Reset();
        pair.CloseByClient();
        inner.End(PairEndKind.Failed, "refused");

        inner.WrittenText.Should().Be("x");
        inner.Calls.Should().Equal("write", "finish", "reset", "close");
        pair.Input.Should().BeSameAs(inner.Input);
        (await pair.Completion.Soon()).Message.Should().Be("refused");
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

    [Fact]
    public async Task Dispose_ends_busy_and_idle_tunnels_and_the_pairs_in_them()
    {
        IStreamPair busy = await OpenAsync(), idle = await OpenAsync();
        FakeTunnel[] tunnels = [.. _dialer.Tunnels];
        await ReturnAsync(idle, tunnels[1]);

        await _pool.DisposeAsync().Soon();
        await _pool.DisposeAsync().Soon();

        tunnels.Should().AllSatisfy(tunnel => tunnel.Disposals.Should().Be(1));
        (await busy.Completion.Soon()).Kind.Should().Be(PairEndKind.TunnelLost);
        await busy.DisposeAsync();
    }

    [Fact]
    public async Task Dispose_while_a_pair_settles_ends_its_tunnel()
    {
        IStreamPair pair = await OpenAsync();
        await pair.DisposeAsync();

        await _pool.DisposeAsync().Soon();

        _dialer.Tunnels.Single().Disposals.Should().Be(1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Dispose_while_a_tunnel_is_dialled_ends_the_dial_with_a_fault_and_leaves_no_tunnel_behind(bool ignoresCancellation)
    {
        var gate = new TaskCompletionSource();
        _dialer.Gate = gate.Task;
        _dialer.IgnoresCancellation = ignoresCancellation;
        Task<Attempt<IStreamPair>> open = _pool.OpenPairAsync(80, default, CancellationToken.None).AsTask();
        Task<TunnelFault?> prepare = _pool.ConnectAsync(CancellationToken.None);

        await _pool.DisposeAsync().Soon();
        gate.SetResult();

        (await open.Soon()).Fault!.Kind.Should().Be(TunnelFaultKind.Lost);
        (await prepare.Soon())!.Kind.Should().Be(TunnelFaultKind.Lost);
        await Waiting.UntilAsync(() => _dialer.Tunnels.Select(tunnel => tunnel.Disposals).SequenceEqual(ignoresCancellation ? [1] : []));
    }

    [Fact]
    public async Task After_dispose_a_pair_is_refused_with_a_fault()
    {
        await _pool.ConnectAsync(CancellationToken.None).Soon();
        await _pool.DisposeAsync().Soon();

        (await _pool.OpenPairAsync(80, default, CancellationToken.None).Soon()).Fault!.Kind.Should().Be(TunnelFaultKind.Lost);
    }

    [Fact]
    public async Task The_callers_token_ends_the_dial()
    {
        using var cancel = new CancellationTokenSource();
        _dialer.Gate = new TaskCompletionSource().Task;
        Task<Attempt<IStreamPair>> open = _pool.OpenPairAsync(80, default, cancel.Token).AsTask();

        await cancel.CancelAsync();

        await open.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
    }

    [Fact]
    public async Task Cancelled_while_it_opens_a_pair_the_tunnel_is_dropped_for_nobody_knows_its_state()
    {
        using var cancel = new CancellationTokenSource();
        _dialer.Prepare = static tunnel => tunnel.OpenGate = new TaskCompletionSource().Task;
        Task<Attempt<IStreamPair>> open = _pool.OpenPairAsync(80, default, cancel.Token).AsTask();
        await Waiting.UntilAsync(() => _dialer.Tunnels.Any(tunnel => tunnel.IsOpening));

        await cancel.CancelAsync();

        await open.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        await _dialer.Tunnels.Single().Disposed.Soon();
    }

    [Fact]
    public async Task Many_connections_at_once_never_share_a_tunnel()
    {
        const int seed = 99;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            var random = new Random(seed + worker);
            for (int i = 0; i < 100; i++)
            {
                IStreamPair pair = await OpenAsync(80, $"{worker}.{i}");
                if (random.Next(2) == 0)
                {
                    await Task.Yield();
                }

                FakeTunnel tunnel = _dialer.Tunnels.Single(tunnel => tunnel.Opened.LastOrDefault().InitialData == $"{worker}.{i}");
                tunnel.Pairs.Count(other => !other.Settled.IsCompleted).Should().Be(1, "seed {0}", seed);
                tunnel.Pairs.Last().Complete();
                await pair.DisposeAsync();
            }
        }))).Soon();

        _dialer.Tunnels.Sum(tunnel => tunnel.Opened.Count).Should().Be(800);
        _dialer.Dials.Should().BeLessThan(100, "tunnels are used again");
    }

    [Fact]
    public async Task What_happens_to_tunnels_is_logged()
    {
        var logger = new ListLogger();
        await using var pool = new TunnelPool(_dialer, _options, logger);
        IStreamPair pair = (await pool.OpenPairAsync(80, default, CancellationToken.None)).Value!;
        await pair.DisposeAsync();
        _dialer.FailNext(Gone);
        _time.Advance(_options.DrainTimeout);
        await Waiting.UntilAsync(() => logger.Lines.Count == 3);

        logger.Lines.Should().Equal(
            "Debug: Tunnel dialled in 0.0 ms",
            "Debug: The pod did not end its half of a connection, or take all of its bytes, within 10 s; its tunnel is dropped",
            "Debug: Dialling a tunnel failed: the server answered the upgrade with 404 Not Found");
    }

    [Fact]
    public async Task After_one_tunnel_was_lost_the_idle_ones_are_used_again_only_after_a_sign_of_life()
    {
        IStreamPair[] pairs = [await OpenAsync(), await OpenAsync(), await OpenAsync()];
        FakeTunnel[] tunnels = [.. _dialer.Tunnels];
        await ReturnAsync(pairs[0], tunnels[0]);
        await ReturnAsync(pairs[1], tunnels[1]);
        var pong = new TaskCompletionSource<bool>();
        (tunnels[0].Pong, tunnels[1].Pong) = (pong.Task, new TaskCompletionSource<bool>().Task);

        tunnels[2].Die();
        await Waiting.UntilAsync(() => _pool.IdleCount == 0);
        await OpenAsync(80, "precious");

        (tunnels[0].Opened.Count, tunnels[1].Opened.Count, _dialer.Dials).Should().Be((1, 1, 4));
        pong.SetResult(true);
        await Waiting.UntilAsync(() => _pool.IdleCount == 1);
        await OpenAsync(80, "served");
        tunnels[0].Opened.Last().InitialData.Should().Be("served");

        // Its time runs only from the question on.
        await Waiting.UntilAsync(() => tunnels[1].Pings == 1);
        _time.Advance(_options.ProbeInterval);
        await tunnels[1].Disposed.Soon();
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
    public async Task Tunnels_that_end_together_are_the_loss_of_those_that_have_served(bool spareIsNoticedFirst)
    {
        var lost = new ConcurrentQueue<TunnelLoss>();
        await using var pool = new TunnelPool(_dialer, _options with { MaxPrewarmed = 1, OnLost = lost.Enqueue });
        await pool.ConnectAsync(CancellationToken.None);
        await pool.OpenPairAsync(80, default, CancellationToken.None);
        await Waiting.UntilAsync(() => pool.IdleCount == 1);
        FakeTunnel served = _dialer.Tunnels.Single(tunnel => !tunnel.Opened.IsEmpty);
        FakeTunnel spare = _dialer.Tunnels.Single(tunnel => tunnel.Opened.IsEmpty);
        (served.CanOpen, spare.CanOpen) = (false, false);

        (spareIsNoticedFirst ? spare : served).Die();
        await Waiting.UntilAsync(() => !lost.IsEmpty);

        lost.Should().OnlyContain(loss => loss.HasServed);
        lost.First().Should().Be(new TunnelLoss(Alive: 0, HasServed: true));
    }

    [Fact]
    public async Task A_tunnel_that_served_counts_for_the_next_loss_also_when_the_pool_has_dropped_it()
    {
        var lost = new ConcurrentQueue<TunnelLoss>();
        await using var pool = new TunnelPool(_dialer, _options with { MaxPrewarmed = 1, OnLost = lost.Enqueue });
        await pool.ConnectAsync(CancellationToken.None);
        IStreamPair pair = (await pool.OpenPairAsync(80, default, CancellationToken.None)).Value!;
        await Waiting.UntilAsync(() => pool.IdleCount == 1);
        FakeTunnel served = _dialer.Tunnels.Single(tunnel => !tunnel.Opened.IsEmpty);
        FakeTunnel spare = _dialer.Tunnels.Single(tunnel => tunnel.Opened.IsEmpty);
        await pair.DisposeAsync();
        _time.Advance(_options.DrainTimeout);
        await served.Disposed.Soon();

        spare.Die();
        await Waiting.UntilAsync(() => !lost.IsEmpty);

        lost.Should().Equal(new TunnelLoss(Alive: 0, HasServed: true));
    }

    [Fact]
    public async Task The_defaults_serve()
    {
        await using var pool = new TunnelPool(_dialer);

        pool.MaxInitialData.Should().Be(32 * 1024);
        (await pool.ConnectAsync(CancellationToken.None)).Should().BeNull();
    }

    public async ValueTask DisposeAsync() => await _pool.DisposeAsync().Soon();

    private async Task<IStreamPair> OpenAsync(int port = 80, string initialData = "")
    {
        Attempt<IStreamPair> result = await _pool.OpenPairAsync(port, Encoding.UTF8.GetBytes(initialData), CancellationToken.None).Soon();
        result.Succeeded(out IStreamPair? pair, out _).Should().BeTrue();
        return pair!;
    }

    /// <summary>Ends a pair in good order and waits until its tunnel is idle.</summary>
    private async Task ReturnAsync(IStreamPair pair, FakeTunnel tunnel)
    {
        int idle = _pool.IdleCount;
        FakePair inner = tunnel.Pairs.Last();
        inner.Complete();
        await pair.DisposeAsync();
        await Waiting.UntilAsync(() => _pool.IdleCount == idle + 1);
    }
}
