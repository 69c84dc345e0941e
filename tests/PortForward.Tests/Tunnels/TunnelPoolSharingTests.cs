using Microsoft.Extensions.Time.Testing;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>What happens at the limit of tunnels, and to tunnels that die or only seem to.</summary>
public sealed class TunnelPoolSharingTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly FakeDialer _dialer = new();
    private readonly List<int> _lost = [];
    private readonly TunnelPool _pool;
    private int _saturated;

    public TunnelPoolSharingTests() => _pool = new TunnelPool(_dialer, new TunnelPoolOptions
    {
        MaxTunnels = 2,
        MaxSpares = 0,
        Time = _time,
        OnLost = loss => _lost.Add(loss.Standing),
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
            await AdvanceUntilAsync(open);
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
        await Waiting.UntilAsync(() => { _time.Advance(TimeSpan.FromSeconds(1)); return _saturated == 1; });
        for (int i = 0; i < 10; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        open.IsCompleted.Should().BeFalse();
        _dialer.Tunnels.Last().Flow = Task.FromResult(true);
        await AdvanceUntilAsync(open);
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
        await Waiting.UntilAsync(() => { _time.Advance(TimeSpan.FromSeconds(1)); return _saturated == 1; });
        _dialer.Tunnels.First().Die();

        await AdvanceUntilAsync(open);
        _dialer.Dials.Should().Be(3);
    }

    [Fact]
    public async Task A_silent_tunnel_lives_when_another_one_can_be_dialled()
    {
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.Single();
        silent.IsSuspect = true;

        _time.Advance(TimeSpan.FromSeconds(5));
        await Waiting.UntilAsync(() => _pool.IdleCount == 1);
        _time.Advance(TimeSpan.FromMinutes(2));

        silent.Disposals.Should().Be(0, "its application may be in a debugger");
        _dialer.Dials.Should().Be(2, "the one that was dialled stands for the others");
    }

    [Fact]
    public async Task A_silent_tunnel_is_dropped_when_no_other_can_be_dialled()
    {
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.Single();
        silent.IsSuspect = true;
        _dialer.Gate = new TaskCompletionSource().Task;

        _time.Advance(TimeSpan.FromSeconds(5));
        await Waiting.UntilAsync(() => _dialer.Dials == 2);
        silent.Disposals.Should().Be(0);
        _time.Advance(TimeSpan.FromSeconds(5));

        await silent.Disposed.Soon();
        await Waiting.UntilAsync(() => _lost.Count == 1);
        _lost.Should().Equal(0);
    }

    [Fact]
    public async Task A_silent_tunnel_is_looked_after_at_once_when_the_idle_one_that_stood_for_it_is_lost()
    {
        await OpenAsync();
        FakeTunnel silent = _dialer.Tunnels.Single();
        await OpenAsync();
        FakeTunnel other = _dialer.Tunnels.Last();
        silent.IsSuspect = true;
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
        silent.IsSuspect = true;
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.Refused, "404"));

        _time.Advance(TimeSpan.FromSeconds(5));

        await silent.Disposed.Soon();
    }

    [Fact]
    public async Task A_pool_has_no_other_pod_to_offer()
    {
        OpenPairResult result = await _pool.OpenPairAsync(new PairRequest(80, default) { AvoidedPods = ["a"] }, CancellationToken.None).Soon();

        result.Fault!.Kind.Should().Be(TunnelFaultKind.NoOtherPod);
    }

    [Fact]
    public async Task A_dial_has_a_limit_of_its_own()
    {
        await using var pool = new TunnelPool(_dialer, new TunnelPoolOptions { DialTimeout = TimeSpan.FromSeconds(10), Time = _time });
        _dialer.Gate = new TaskCompletionSource().Task;
        Task<TunnelFault?> prepare = pool.PrepareAsync(CancellationToken.None);
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

    private async Task<IStreamPair> OpenAsync() => (await _pool.OpenPairAsync(new PairRequest(80, default), CancellationToken.None).Soon()).Pair!;

    private async Task AdvanceUntilAsync(Task task) =>
        await Waiting.UntilAsync(() => { _time.Advance(TimeSpan.FromSeconds(1)); return task.IsCompleted; });
}
