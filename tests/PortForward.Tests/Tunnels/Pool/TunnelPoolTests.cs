using PortForward.Tests.Support;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>What a caller sees of the pool: it connects, opens pairs and is disposed.</summary>
public sealed class TunnelPoolTests : TunnelPoolTestBase
{
    private static readonly TunnelFault Gone = new(TunnelFaultKind.Refused, "the server answered the upgrade with 404 Not Found");

    [Fact]
    public async Task Connections_at_the_same_time_have_a_tunnel_each()
    {
        await OpenAsync(80, "first");
        await OpenAsync(81, "second");

        _dialer.Dials.Should().Be(2);
        _dialer.Tunnels.Select(tunnel => tunnel.Opened.Single()).Should().Equal((80, "first"), (81, "second"));
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

    [Fact]
    public async Task The_defaults_serve()
    {
        await using var pool = new TunnelPool(_dialer);

        pool.MaxInitialData.Should().Be(32 * 1024);
        (await pool.ConnectAsync(CancellationToken.None)).Should().BeNull();
    }
}
