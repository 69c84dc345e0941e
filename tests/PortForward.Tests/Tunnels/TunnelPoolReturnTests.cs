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
    public async Task As_long_as_tunnels_come_back_a_connection_waits_for_one_instead_of_dialling()
    {
        IStreamPair busy = await ReturnOneAsync();

        Task<IStreamPair> next = OpenAsync();
        await ShouldWaitAsync(next);
        await EndAsync(busy, _dialer.Tunnels.Single());

        await next.Soon();
        _dialer.Dials.Should().Be(1);
        _dialer.Tunnels.Single().Opened.Should().HaveCount(3);
    }

    [Fact]
    public async Task It_dials_when_none_comes_back_in_the_time_of_a_dial()
    {
        await ReturnOneAsync();
        Task<IStreamPair> next = OpenAsync();
        await ShouldWaitAsync(next);

        _time.Advance(DialTime);

        await next.Soon();
        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task However_long_a_dial_takes_nobody_waits_for_more_than_half_a_second_before_it()
    {
        await ReturnOneAsync(dialTime: TimeSpan.FromSeconds(20));
        Task<IStreamPair> next = OpenAsync();
        await ShouldWaitAsync(next);

        _time.Advance(TimeSpan.FromMilliseconds(500));

        await next.Soon();
        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task No_more_tunnels_are_waited_for_than_came_back_before()
    {
        IStreamPair busy = await ReturnOneAsync();
        var gate = new TaskCompletionSource();
        _dialer.Gate = gate.Task;

        Task<IStreamPair> first = OpenAsync();
        await ShouldWaitAsync(first);
        Task<IStreamPair> second = OpenAsync();

        await Waiting.UntilAsync(() => _dialer.Dials == 2);
        await EndAsync(busy, _dialer.Tunnels.Single());
        await first.Soon();
        gate.SetResult();
        await second.Soon();
        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task Returns_of_long_ago_say_nothing()
    {
        await ReturnOneAsync();
        _time.Advance(DialTime);

        await OpenAsync().Soon();

        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task Returns_from_before_a_loss_say_nothing()
    {
        await ReturnOneAsync();
        Task<IStreamPair> next = OpenAsync();
        await ShouldWaitAsync(next);

        _dialer.Tunnels.Single().Die();

        await next.Soon();
        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task At_the_limit_a_connection_shares_a_tunnel_when_none_comes_back()
    {
        await ReturnOneAsync(new TunnelPoolOptions { MaxTunnels = 1, MaxSpares = 0, Time = _time });
        Task<IStreamPair> next = OpenAsync();
        await ShouldWaitAsync(next);

        _time.Advance(DialTime);

        await next.Soon();
        _dialer.Dials.Should().Be(1);
        _pool!.BusyCount.Should().Be(2);
    }

    [Fact]
    public async Task A_spare_is_dialled_once_no_tunnels_come_back_any_more()
    {
        await ReturnOneAsync(new TunnelPoolOptions { MaxSpares = 1, Time = _time });
        await ShouldWaitAsync(next: null);

        _time.Advance(DialTime);

        await Waiting.UntilAsync(() => _pool!.IdleCount == 1);
        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task A_pool_that_was_closed_does_not_dial_for_what_did_not_come_back()
    {
        await ReturnOneAsync(new TunnelPoolOptions { MaxSpares = 1, Time = _time });
        await _pool!.DisposeAsync();

        _time.Advance(DialTime);

        await ShouldWaitAsync(next: null);
    }

    public async ValueTask DisposeAsync() => await _pool!.DisposeAsync().Soon();

    /// <summary>Lets a tunnel, whose dial takes so long, serve one connection and come back, and gives it to a second one.</summary>
    private async Task<IStreamPair> ReturnOneAsync(TunnelPoolOptions? options = null, TimeSpan? dialTime = null)
    {
        _pool = new TunnelPool(_dialer, options ?? new TunnelPoolOptions { MaxSpares = 0, Time = _time });
        var gate = new TaskCompletionSource();
        _dialer.Gate = gate.Task;
        Task<IStreamPair> first = OpenAsync();
        await Waiting.UntilAsync(() => _dialer.Dials == 1);
        _time.Advance(dialTime ?? DialTime);
        gate.SetResult();
        await EndAsync(await first.Soon(), _dialer.Tunnels.Single());
        await Waiting.UntilAsync(() => _pool.IdleCount == 1);
        return await OpenAsync().Soon();
    }

    private static async Task EndAsync(IStreamPair pair, FakeTunnel tunnel)
    {
        tunnel.Pairs.Last().Complete();
        await pair.DisposeAsync();
    }

    private async Task<IStreamPair> OpenAsync()
    {
        OpenPairResult result = await _pool!.OpenPairAsync(new PairRequest(80, default), CancellationToken.None);
        return result.Pair!;
    }

    /// <summary>Lets everything else run that can, so that a connection which does not wait would have been served.</summary>
    private async Task ShouldWaitAsync(Task? next)
    {
        int dials = _dialer.Dials;
        for (int i = 0; i < 50; i++)
        {
            await Task.Yield();
        }

        next?.IsCompleted.Should().BeFalse();
        _dialer.Dials.Should().Be(dials);
    }
}
