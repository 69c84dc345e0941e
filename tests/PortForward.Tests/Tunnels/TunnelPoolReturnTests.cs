using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>Connections that find no idle tunnel while those of earlier ones come back one after the other.</summary>
public sealed class TunnelPoolReturnTests : IAsyncDisposable
{
    private static readonly TimeSpan DialTime = TimeSpan.FromMilliseconds(200);

    private readonly CountingTime _time = new();
    private readonly FakeDialer _dialer = new();
    private TunnelPool? _pool;

    [Fact]
    public async Task As_long_as_tunnels_come_back_connections_wait_for_them_and_one_dial_is_under_way()
    {
        IStreamPair busy = await ReturnOneAsync();
        TaskCompletionSource dial = HoldDials();

        Task<IStreamPair> first = OpenAsync(), second = OpenAsync();
        await ShouldHaveDialledAsync(2);
        await EndAsync(busy);
        await first.Soon();
        _dialer.Tunnels.Single().Opened.Should().HaveCount(3);

        dial.SetResult();
        await second.Soon();
        await ShouldHaveDialledAsync(2);
    }

    [Fact]
    public async Task No_more_tunnels_are_waited_for_than_came_back_before()
    {
        await ReturnOneAsync();
        HoldDials();

        Task<IStreamPair>[] waiting = [OpenAsync(), OpenAsync(), OpenAsync()];

        await ShouldHaveDialledAsync(3);
        waiting.Should().OnlyContain(open => !open.IsCompleted);
    }

    [Theory]
    [InlineData(200, 200)]
    [InlineData(20_000, 500)]
    public async Task Each_has_a_dial_when_none_comes_back_for_as_long_as_a_dial_takes_or_half_a_second(int dialTime, int wait)
    {
        await ReturnOneAsync(dialTime: TimeSpan.FromMilliseconds(dialTime));
        HoldDials();
        _ = OpenAsync();
        _ = OpenAsync();
        await ShouldHaveDialledAsync(2);

        _time.Advance(TimeSpan.FromMilliseconds(wait));

        await ShouldHaveDialledAsync(3);
    }

    [Fact]
    public async Task Returns_of_long_ago_say_nothing()
    {
        await ReturnOneAsync();
        HoldDials();
        _time.Advance(DialTime);

        _ = OpenAsync();
        _ = OpenAsync();

        await ShouldHaveDialledAsync(3);
    }

    [Fact]
    public async Task Returns_from_before_a_loss_say_nothing()
    {
        await ReturnOneAsync();
        HoldDials();
        _ = OpenAsync();
        _ = OpenAsync();
        await ShouldHaveDialledAsync(2);

        _dialer.Tunnels.Single().Die();

        await ShouldHaveDialledAsync(3);
    }

    [Fact]
    public async Task At_the_limit_a_connection_shares_a_tunnel_when_none_comes_back()
    {
        await ReturnOneAsync(new TunnelPoolOptions { MaxTunnels = 1, MaxSpares = 0, Time = _time });
        Task<IStreamPair> next = OpenAsync();
        await ShouldHaveDialledAsync(1);
        next.IsCompleted.Should().BeFalse();

        _time.Advance(DialTime);

        await next.Soon();
        await ShouldHaveDialledAsync(1);
        _pool!.BusyCount.Should().Be(2);
    }

    [Fact]
    public async Task A_spare_is_dialled_once_no_tunnels_come_back_any_more()
    {
        await ReturnOneAsync(new TunnelPoolOptions { MaxSpares = 1, Time = _time });
        await ShouldHaveDialledAsync(1);

        _time.Advance(DialTime);

        await ShouldHaveDialledAsync(2);
    }

    [Fact]
    public async Task A_pool_that_was_closed_does_not_dial_for_what_did_not_come_back()
    {
        await ReturnOneAsync(new TunnelPoolOptions { MaxSpares = 1, Time = _time });
        await _pool!.DisposeAsync();

        _time.Advance(DialTime);

        await ShouldHaveDialledAsync(1);
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

    private async Task EndAsync(IStreamPair pair)
    {
        _dialer.Tunnels.Single().Pairs.Last().Complete();
        await pair.DisposeAsync();
    }

    private async Task<IStreamPair> OpenAsync()
    {
        OpenPairResult result = await _pool!.OpenPairAsync(new PairRequest(80, default), CancellationToken.None);
        return result.Pair!;
    }

    private TaskCompletionSource HoldDials()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
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
