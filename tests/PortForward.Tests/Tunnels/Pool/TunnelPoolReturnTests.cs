using PortForward.Tests.Support;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>Connections that find no idle tunnel while those of earlier ones come back one after the other.</summary>
public sealed class TunnelPoolReturnTests : IAsyncDisposable
{
    private static readonly TimeSpan DialTime = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan HalfSecond = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(50);

    private readonly CountingTime _time = new();
    private readonly FakeDialer _dialer = new();
    private TunnelPool? _pool;

    [Fact]
    public async Task As_long_as_tunnels_come_back_connections_wait_for_them_instead_of_dialling()
    {
        IStreamPair busy = await ReturnOneAsync();

        Task<IStreamPair> next = OpenAsync();
        await ShouldHaveDialledAsync(1);
        next.IsCompleted.Should().BeFalse();
        await EndAsync(busy);

        await next.Soon();
        await ShouldHaveDialledAsync(1);
        _dialer.Tunnels.Single().Opened.Should().HaveCount(3);
    }

    [Fact]
    public async Task No_more_tunnels_are_waited_for_than_are_in_use_however_often_they_came_back()
    {
        await EndAsync(await ReturnOneAsync());
        await Waiting.UntilAsync(() => _pool!.IdleCount == 1);
        IStreamPair busy = await OpenAsync().Soon();
        TaskCompletionSource dial = HoldDials();

        Task<IStreamPair> first = OpenAsync(), second = OpenAsync();
        await ShouldHaveDialledAsync(2);
        await EndAsync(busy);
        await first.Soon();
        dial.SetResult();
        await second.Soon();
        await ShouldHaveDialledAsync(2);
    }

    [Fact]
    public async Task A_connection_dials_when_none_comes_back_for_as_long_as_a_dial_takes()
    {
        await ReturnOneAsync();
        HoldDials();
        _ = OpenAsync();
        await ShouldHaveDialledAsync(1);

        _time.Advance(DialTime);

        await ShouldHaveDialledAsync(2);
    }

    [Fact]
    public async Task It_is_looked_again_when_only_the_first_of_them_was_long_ago()
    {
        IStreamPair busy = await ReturnOneAsync();
        _time.Advance(DialTime / 2);
        await EndAsync(busy);
        await Waiting.UntilAsync(() => _pool!.IdleCount == 1);
        await OpenAsync().Soon();
        HoldDials();
        _ = OpenAsync();

        _time.Advance(DialTime / 2);
        await ShouldHaveDialledAsync(1);
        _time.Advance(DialTime / 2);

        await ShouldHaveDialledAsync(2);
    }

    [Fact]
    public async Task However_long_a_dial_takes_none_waits_longer_than_half_a_second_before_it()
    {
        await ReturnOneAsync(dialTime: TimeSpan.FromSeconds(20));
        TaskCompletionSource dial = HoldDials();
        _ = OpenAsync();
        await ShouldHaveDialledAsync(2);
        _ = OpenAsync();
        await ShouldHaveDialledAsync(2);

        _time.Advance(HalfSecond);

        await ShouldHaveDialledAsync(3);
        dial.SetResult();
    }

    [Fact]
    public async Task However_fast_tunnels_come_back_one_is_dialled_half_a_second_after_the_last_one_if_somebody_waits()
    {
        IStreamPair busy = await ReturnOneAsync(dialTime: HalfSecond - Moment);
        Task<IStreamPair> next = OpenAsync();
        await ShouldHaveDialledAsync(1);
        HoldDials();

        _time.Advance(Moment);
        await EndAsync(busy);
        await next.Soon();
        _ = OpenAsync();

        await ShouldHaveDialledAsync(2);
    }

    [Fact]
    public async Task Returns_from_before_a_loss_say_nothing()
    {
        IStreamPair first = await ReturnOneAsync(dialTime: HalfSecond);
        await OpenOnOneMoreAsync();
        await EndAsync(first, _dialer.Tunnels.First());
        await Waiting.UntilAsync(() => _pool!.IdleCount == 1);
        await OpenAsync().Soon();
        HoldDials();
        _ = OpenAsync();
        await ShouldHaveDialledAsync(2);

        _dialer.Tunnels.First().Die();

        await ShouldHaveDialledAsync(3);
    }

    [Fact]
    public async Task A_spare_that_was_saved_while_tunnels_came_back_is_dialled_when_they_do_not_any_more()
    {
        await ReturnOneAsync(new TunnelPoolOptions { MaxSpares = 1, Time = _time });
        await ShouldHaveDialledAsync(1);

        _time.Advance(DialTime);

        await ShouldHaveDialledAsync(2);
    }

    [Fact]
    public async Task Those_who_wait_for_tunnels_to_come_back_share_them_as_soon_as_the_limit_leaves_no_dial_for_them()
    {
        IStreamPair first = await ReturnOneAsync(new TunnelPoolOptions { MaxTunnels = 3, MaxSpares = 0, Time = _time }, HalfSecond);
        IStreamPair second = await OpenOnOneMoreAsync();
        await EndAsync(first, _dialer.Tunnels.First());
        await EndAsync(second, _dialer.Tunnels.Last());
        await Waiting.UntilAsync(() => _pool!.IdleCount == 2);
        await OpenAsync().Soon();
        await OpenAsync().Soon();
        TaskCompletionSource dial = HoldDials();
        Task<IStreamPair> third = OpenAsync(), fourth = OpenAsync();
        await ShouldHaveDialledAsync(2);

        _time.Advance(HalfSecond / 2);

        await fourth.Soon();
        await ShouldHaveDialledAsync(3);
        third.IsCompleted.Should().BeFalse("the dial is for the first of those who wait");
        dial.SetResult();
        await third.Soon();
        _dialer.Tunnels.Last().Opened.Should().ContainSingle();
    }

    [Fact]
    public async Task An_idle_tunnel_that_has_shown_after_a_loss_that_it_lives_has_not_come_back()
    {
        IStreamPair busy = await ReturnOneAsync();
        _time.Advance(DialTime);
        TaskCompletionSource dial = HoldDials();
        Task<IStreamPair> second = OpenAsync();
        await ShouldHaveDialledAsync(2);
        _time.Advance(DialTime);
        dial.SetResult();
        IStreamPair other = await second.Soon();
        await EndAsync(busy, _dialer.Tunnels.First());
        await EndAsync(other, _dialer.Tunnels.Last());
        await Waiting.UntilAsync(() => _pool!.IdleCount == 2);
        _dialer.Tunnels.First().Die();
        await Waiting.UntilAsync(() => _pool!.IdleCount == 1);
        HoldDials();

        await OpenAsync().Soon();
        _ = OpenAsync();

        await ShouldHaveDialledAsync(3);
    }

    [Theory]
    [InlineData(200, 1)]
    [InlineData(600, 2)]
    public async Task While_tunnels_come_back_a_spare_is_dialled_only_if_the_last_dial_was_long_ago(int dialTime, int dials)
    {
        await ReturnOneAsync(new TunnelPoolOptions { MaxSpares = 1, Time = _time }, TimeSpan.FromMilliseconds(dialTime));

        await ShouldHaveDialledAsync(dials);
    }

    [Fact]
    public async Task At_the_limit_connections_share_tunnels_and_do_not_wait_for_them()
    {
        await ReturnOneAsync(new TunnelPoolOptions { MaxTunnels = 1, MaxSpares = 0, Time = _time });

        await OpenAsync().Soon();

        await ShouldHaveDialledAsync(1);
        _pool!.BusyCount.Should().Be(2);
    }

    public async ValueTask DisposeAsync() => await _pool!.DisposeAsync().Soon();

    /// <summary>Lets a tunnel, whose dial takes so long, serve one connection and come back, and gives it to a second one.</summary>
    private async Task<IStreamPair> ReturnOneAsync(TunnelPoolOptions? options = null, TimeSpan? dialTime = null)
    {
        _pool = new TunnelPool(_dialer, options ?? new TunnelPoolOptions { MaxSpares = 0, Time = _time });
        TaskCompletionSource dial = HoldDials();
        Task<IStreamPair> first = OpenAsync();
        await ShouldHaveDialledAsync(1);
        _time.Advance(dialTime ?? DialTime);
        dial.SetResult();
        await EndAsync(await first.Soon());
        await Waiting.UntilAsync(() => _pool.IdleCount == 1);
        return await OpenAsync().Soon();
    }

    /// <summary>Opens a connection on a second tunnel, dialled because nothing came back.</summary>
    private async Task<IStreamPair> OpenOnOneMoreAsync()
    {
        _time.Advance(HalfSecond);
        TaskCompletionSource dial = HoldDials();
        Task<IStreamPair> second = OpenAsync();
        await ShouldHaveDialledAsync(2);
        _time.Advance(HalfSecond / 2);
        dial.SetResult();
        return await second.Soon();
    }

    private Task EndAsync(IStreamPair pair) => EndAsync(pair, _dialer.Tunnels.Single());

    private static async Task EndAsync(IStreamPair pair, FakeTunnel tunnel)
    {
        tunnel.Pairs.Last().Complete();
        await pair.DisposeAsync();
    }

    private async Task<IStreamPair> OpenAsync()
    {
        Attempt<IStreamPair> result = await _pool!.OpenPairAsync(80, default, CancellationToken.None);
        return result.Value!;
    }

    private TaskCompletionSource HoldDials()
    {
        var gate = new TaskCompletionSource();
        _dialer.Gate = gate.Task;
        return gate;
    }

    /// <summary>Waits until so many dials were begun, and lets everything else run that can, so that another one would have been begun too.</summary>
    private async Task ShouldHaveDialledAsync(int dials)
    {
        await Waiting.UntilAsync(() => _dialer.Dials >= dials);
        for (int i = 0; i < 50; i++)
        {
            await Task.Yield();
        }

        _dialer.Dials.Should().Be(dials);
    }
}
