using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>Connections that come while the tunnels of earlier ones are about to come back.</summary>
public sealed class TunnelPoolReturnTests : IAsyncDisposable
{
    private static readonly TimeSpan DialTime = TimeSpan.FromMilliseconds(200);

    private readonly CountingTime _time = new();
    private readonly FakeDialer _dialer = new();
    private TunnelPool? _pool;

    [Fact]
    public async Task A_connection_waits_for_a_tunnel_that_is_about_to_come_back_instead_of_dialling()
    {
        FakePair given = await GiveUpOneAsync();

        Task<IStreamPair> next = OpenAsync();
        await ShouldWaitAsync(next);
        given.Settle();

        await next.Soon();
        _dialer.Dials.Should().Be(1);
        _dialer.Tunnels.Single().Opened.Should().HaveCount(2);
    }

    [Fact]
    public async Task It_dials_once_that_takes_longer_than_a_dial()
    {
        await GiveUpOneAsync();
        Task<IStreamPair> next = OpenAsync();
        await ShouldWaitAsync(next);

        _time.Advance(DialTime);

        await next.Soon();
        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task However_long_a_dial_takes_it_waits_for_no_more_than_a_second()
    {
        await GiveUpOneAsync(dialTime: TimeSpan.FromSeconds(20));
        Task<IStreamPair> next = OpenAsync();
        await ShouldWaitAsync(next);

        _time.Advance(TimeSpan.FromSeconds(1));

        await next.Soon();
        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task One_tunnel_that_comes_back_is_waited_for_by_one_connection()
    {
        FakePair given = await GiveUpOneAsync();

        Task<IStreamPair> first = OpenAsync();
        await ShouldWaitAsync(first);
        Task<IStreamPair> second = OpenAsync();

        await Waiting.UntilAsync(() => _dialer.Dials == 2);
        given.Settle();
        await Task.WhenAll(first, second).Soon();
        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task A_tunnel_whose_port_refused_is_not_waited_for_since_what_was_sent_may_never_be_taken()
    {
        await GiveUpOneAsync(static pair => pair.End(PairEndKind.Failed, "connection refused"));

        await OpenAsync().Soon();

        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task One_that_dies_meanwhile_is_replaced_at_once()
    {
        await GiveUpOneAsync();
        Task<IStreamPair> next = OpenAsync();
        await ShouldWaitAsync(next);

        _dialer.Tunnels.Single().Die();

        await next.Soon();
        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task At_the_limit_it_shares_a_tunnel_that_does_not_come_back_in_time()
    {
        FakePair given = await GiveUpOneAsync(options: new TunnelPoolOptions { MaxTunnels = 1, MaxSpares = 0, Time = _time });
        Task<IStreamPair> next = OpenAsync();
        await ShouldWaitAsync(next);

        _time.Advance(DialTime);

        await next.Soon();
        _dialer.Tunnels.Single().Opened.Should().HaveCount(2);
        given.Settle();
        await Waiting.UntilAsync(() => _pool!.BusyCount == 1);
        _dialer.Dials.Should().Be(1);
    }

    [Fact]
    public async Task A_tunnel_that_is_shared_meanwhile_is_not_one_that_comes_back()
    {
        FakePair given = await GiveUpOneAsync(options: new TunnelPoolOptions { MaxTunnels = 1, MaxSpares = 0, Time = _time });
        Task<IStreamPair> first = OpenAsync(), second = OpenAsync();

        await second.Soon();
        given.Settle();

        await first.Soon();
        _dialer.Tunnels.Single().Opened.Should().HaveCount(3);
    }

    [Fact]
    public async Task No_spare_is_dialled_while_a_tunnel_comes_back()
    {
        _pool = new TunnelPool(_dialer, new TunnelPoolOptions { MaxSpares = 1, Time = _time });
        await _pool.PrepareAsync(CancellationToken.None).Soon();
        IStreamPair pair = await DialAsync(OpenAsync);
        await Waiting.UntilAsync(() => _pool.IdleCount == 1);
        await pair.DisposeAsync();

        await OpenAsync().Soon();

        _dialer.Tunnels.First().Pairs.Single().Settle();
        await Waiting.UntilAsync(() => _pool.IdleCount == 1);
        _dialer.Dials.Should().Be(2, "the second connection had the spare of the first, whose tunnel is the spare now");
    }

    public async ValueTask DisposeAsync() => await _pool!.DisposeAsync().Soon();

    /// <summary>Opens a pair in a tunnel whose dial takes so long, and gives it up; the pod has not taken all of it yet.</summary>
    private async Task<FakePair> GiveUpOneAsync(Action<FakePair>? end = null, TimeSpan? dialTime = null, TunnelPoolOptions? options = null)
    {
        _pool = new TunnelPool(_dialer, options ?? new TunnelPoolOptions { MaxSpares = 0, Time = _time });
        IStreamPair pair = await DialAsync(OpenAsync, dialTime);
        FakePair inner = _dialer.Tunnels.Single().Pairs.Single();
        end?.Invoke(inner);
        await pair.DisposeAsync();
        await inner.Disposed.Soon();
        return inner;
    }

    /// <summary>Does what makes the pool dial, and lets the dial take its time.</summary>
    private async Task<IStreamPair> DialAsync(Func<Task<IStreamPair>> open, TimeSpan? dialTime = null)
    {
        int dials = _dialer.Dials;
        var gate = new TaskCompletionSource();
        _dialer.Gate = gate.Task;
        Task<IStreamPair> opening = open();
        await Waiting.UntilAsync(() => _dialer.Dials > dials);
        _time.Advance(dialTime ?? DialTime);
        gate.SetResult();
        return await opening.Soon();
    }

    private async Task<IStreamPair> OpenAsync()
    {
        OpenPairResult result = await _pool!.OpenPairAsync(new PairRequest(80, default), CancellationToken.None);
        return result.Pair!;
    }

    /// <summary>Lets everything else run that can, so that a connection which does not wait would have been served.</summary>
    private async Task ShouldWaitAsync(Task next)
    {
        int dials = _dialer.Dials;
        for (int i = 0; i < 50; i++)
        {
            await Task.Yield();
        }

        next.IsCompleted.Should().BeFalse();
        _dialer.Dials.Should().Be(dials);
    }
}
