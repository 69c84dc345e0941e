using PortForward.Tests.Support;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>What a limit of one tunnel does, which is kubectl's way: there must always be a way to go on.</summary>
public sealed class TunnelPoolOneTunnelTests : IAsyncDisposable
{
    private static readonly TunnelFault Refused = new(TunnelFaultKind.Refused, "429");

    private readonly CountingTime _time = new();
    private readonly FakeDialer _dialer = new();
    private readonly List<int> _lost = [];
    private readonly TunnelPoolOptions _options;
    private readonly TunnelPool _pool;
    private int _saturated;

    public TunnelPoolOneTunnelTests()
    {
        _options = new TunnelPoolOptions
        {
            MaxTunnels = 1,
            MinimumIdle = 1,
            Time = _time,
            OnLost = loss => _lost.Add(loss.Alive),
            OnSaturated = () => Interlocked.Increment(ref _saturated),
        };
        _pool = new TunnelPool(_dialer, _options);
    }

    [Fact]
    public async Task A_pool_whose_only_tunnel_is_busy_is_prepared()
    {
        await OpenAsync();
        _dialer.Tunnels.Single().Flow = new TaskCompletionSource<bool>().Task;

        (await _pool.ConnectAsync(CancellationToken.None).Soon()).Should().BeNull();

        _dialer.Dials.Should().Be(1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_dial_that_serves_a_connection_tells_those_who_prepare_too(bool preparesFirst)
    {
        var gate = new TaskCompletionSource();
        _dialer.Gate = gate.Task;
        Task<TunnelFault?> prepare = preparesFirst ? _pool.ConnectAsync(CancellationToken.None) : Task.FromResult<TunnelFault?>(null);
        Task<IStreamPair> open = OpenAsync();
        prepare = preparesFirst ? prepare : _pool.ConnectAsync(CancellationToken.None);
        prepare.IsCompleted.Should().BeFalse();

        gate.SetResult();

        (await prepare.Soon()).Should().BeNull();
        (await open).Should().NotBeNull();
        _dialer.Dials.Should().Be(1);
    }

    [Fact]
    public async Task Who_prepares_hears_why_the_dial_for_a_connection_failed()
    {
        var gate = new TaskCompletionSource();
        _dialer.Gate = gate.Task;
        _dialer.FailNext(Refused);
        Task<Attempt<IStreamPair>> open = _pool.OpenPairAsync(80, default, CancellationToken.None).AsTask();
        Task<TunnelFault?> prepare = _pool.ConnectAsync(CancellationToken.None);

        gate.SetResult();

        (await prepare.Soon()).Should().BeSameAs(Refused);
        (await open.Soon()).Fault.Should().BeSameAs(Refused);
        _dialer.Dials.Should().Be(1);
    }

    [Fact]
    public async Task A_preparation_that_is_cancelled_leaves_the_dial_to_others()
    {
        using var cancel = new CancellationTokenSource();
        var gate = new TaskCompletionSource();
        _dialer.Gate = gate.Task;
        Task<TunnelFault?> prepare = _pool.ConnectAsync(cancel.Token);

        await cancel.CancelAsync();
        await prepare.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        gate.SetResult();

        (await OpenAsync()).Should().NotBeNull();
        _dialer.Dials.Should().Be(1);
    }

    [Fact]
    public async Task A_tunnel_that_lives_on_for_the_connections_in_it_makes_room_for_another_one()
    {
        IStreamPair undrained = await OpenAsync(), goesOn = await OpenAsync();
        FakeTunnel doomed = _dialer.Tunnels.Single();
        doomed.Flow = new TaskCompletionSource<bool>().Task;

        await undrained.DisposeAsync();
        _time.Advance(_options.DrainTimeout);
        Task<IStreamPair> open = OpenAsync();
        await _time.AdvanceUntilAsync(open);

        doomed.Opened.Should().HaveCount(2, "one of its connections holds it up");
        _dialer.Tunnels.Last().Opened.Should().ContainSingle();
        doomed.Disposals.Should().Be(0);
        (await goesOn.WriteAsync("x"u8.ToArray(), CancellationToken.None)).Should().BeTrue();
        doomed.Pairs.Last().Complete();
        await goesOn.DisposeAsync();
        await doomed.Disposed.Soon();
    }

    [Fact]
    public async Task A_tunnel_that_is_only_just_being_dialled_is_not_blocked_and_is_shared_as_soon_as_it_is_established()
    {
        var gate = new TaskCompletionSource();
        _dialer.Gate = gate.Task;

        Task<IStreamPair> first = OpenAsync(), second = OpenAsync();
        for (int i = 0; i < 3; i++)
        {
            int timers = _time.Timers;
            _time.Advance(_options.FlowTimeout);
            await Waiting.UntilAsync(() => _time.Timers >= timers + 2);
        }

        gate.SetResult();

        await Task.WhenAll(first, second);
        _dialer.Tunnels.Single().Opened.Should().HaveCount(2);
        _saturated.Should().Be(0);
    }

    [Fact]
    public async Task Connections_that_wait_at_the_limit_are_served_at_once_by_the_tunnel_that_takes_the_place_of_a_lost_one()
    {
        await OpenAsync();
        FakeTunnel lost = _dialer.Tunnels.Single();
        lost.Flow = Task.FromResult(false);
        Task<IStreamPair> first = OpenAsync(), second = OpenAsync(), third = OpenAsync();
        await Waiting.UntilAsync(() => lost.FlowQuestions == 3);

        lost.Die();

        await Task.WhenAll(first, second, third).Soon();
        _dialer.Tunnels.Last().Opened.Should().HaveCount(3);
    }

    [Fact]
    public async Task A_tunnel_dialled_to_find_out_whether_the_pod_lives_is_not_kept_and_believed_for_a_while()
    {
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.Single();
        silent.IsUnresponsive = true;

        _time.Advance(_options.ProbeInterval);
        await _dialer.Tunnels.Last().Disposed.Soon();
        _time.Advance(_options.ProbeInterval);
        _time.Advance(_options.ProbeInterval);
        _dialer.Dials.Should().Be(2, "each costs an upgrade");
        _pool.IdleCount.Should().Be(0);
        _dialer.FailNext(Refused);
        _time.Advance(_options.ProbeInterval);

        _dialer.Dials.Should().Be(3);
        await silent.Disposed.Soon();
        await Waiting.UntilAsync(() => _lost.Count == 1);
        _lost.Should().Equal(0);
    }

    [Fact]
    public async Task When_the_last_tunnel_is_dropped_because_it_did_not_drain_the_next_one_is_dialled()
    {
        IStreamPair pair = await OpenAsync();
        await pair.DisposeAsync();

        _time.Advance(_options.DrainTimeout);

        await _dialer.Tunnels.First().Disposed.Soon();
        await Waiting.UntilAsync(() => _pool.IdleCount == 1);
        _dialer.Dials.Should().Be(2);
        _lost.Should().BeEmpty();
    }

    [Fact]
    public async Task When_none_can_be_dialled_after_the_last_tunnel_was_dropped_it_is_a_loss()
    {
        IStreamPair pair = await OpenAsync();
        await pair.DisposeAsync();
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.Unreachable, "the network is frozen"));

        _time.Advance(_options.DrainTimeout);

        await Waiting.UntilAsync(() => _lost.Count == 1);
        _lost.Should().Equal(0);
        _dialer.Dials.Should().Be(2);
    }

    public async ValueTask DisposeAsync() => await _pool.DisposeAsync().Soon();

    private async Task<IStreamPair> OpenAsync() => (await _pool.OpenPairAsync(80, default, CancellationToken.None).Soon()).Value!;
}
