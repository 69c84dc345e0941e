using System.Collections.Concurrent;
using PortForward.Tests.Support;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>After a loss, idle tunnels are used again only when the pod has answered in them.</summary>
public sealed class IdleValidationTests : TunnelPoolTestBase
{
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

        // Its time runs only from the ping on.
        await Waiting.UntilAsync(() => tunnels[1].Pings == 1);
        _time.Advance(_options.ProbeInterval);
        await tunnels[1].Disposed.Soon();
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
            await using var pool = new TunnelPool(dialer, new TunnelPoolOptions { MinimumIdle = 0, Time = _time, OnLost = loss => lost.Enqueue(loss.Alive) });
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
}
