using Microsoft.Extensions.Time.Testing;
using PortForward.Tests.Support;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>Tunnels that are dialled ahead.</summary>
public sealed class TunnelPoolPrewarmTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly FakeDialer _dialer = new();
    private readonly TunnelPool _pool;

    public TunnelPoolPrewarmTests() => _pool = new TunnelPool(_dialer, new TunnelPoolOptions { Time = _time });

    [Fact]
    public async Task Without_connections_the_prepared_tunnel_is_the_only_one()
    {
        await _pool.ConnectAsync(CancellationToken.None).Soon();
        _time.Advance(TimeSpan.FromHours(1));

        _dialer.Dials.Should().Be(1);
        _pool.IdleCount.Should().Be(1);
    }

    [Fact]
    public async Task As_soon_as_the_idle_tunnel_is_taken_the_next_one_is_dialled()
    {
        await _pool.ConnectAsync(CancellationToken.None).Soon();
        await OpenAsync();
        await Waiting.UntilAsync(() => _pool.IdleCount == 1);

        var gate = new TaskCompletionSource();
        _dialer.Gate = gate.Task;
        await OpenAsync();

        _dialer.Tunnels.Should().HaveCount(2, "the pre-warmed one served it, and its successor is under way");
        gate.SetResult();
    }

    [Fact]
    public async Task A_connection_takes_the_idle_tunnel_that_is_under_way_and_no_dial_of_its_own()
    {
        await _pool.ConnectAsync(CancellationToken.None).Soon();
        var gate = new TaskCompletionSource();
        _dialer.Gate = gate.Task;
        await OpenAsync();
        await Waiting.UntilAsync(() => _dialer.Dials == 2);

        Task<IStreamPair> second = OpenAsync();
        gate.SetResult();
        await second;

        _dialer.Tunnels.Should().OnlyContain(tunnel => tunnel.Opened.Count <= 1);
        await Waiting.UntilAsync(() => _pool.IdleCount == 1);
        _dialer.Dials.Should().Be(3);
    }

    [Fact]
    public async Task The_tunnels_of_a_burst_stay_idle_for_a_while_and_the_next_burst_dials_none()
    {
        await EndAsync(await BurstAsync());
        int dials = _dialer.Dials;

        await EndAsync(await BurstAsync());
        _dialer.Dials.Should().BeLessThanOrEqualTo(dials + 1, "one is dialled in advance at most");

        _time.Advance(TimeSpan.FromSeconds(44));
        _pool.IdleCount.Should().Be(_dialer.Dials);
        _time.Advance(TimeSpan.FromSeconds(6));
        _pool.IdleCount.Should().Be(1);
    }

    [Fact]
    public async Task An_idle_tunnel_that_cannot_be_had_harms_nobody_and_is_not_tried_again_and_again()
    {
        await _pool.ConnectAsync(CancellationToken.None).Soon();
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.Unreachable, "down"));
        await OpenAsync();
        await Waiting.UntilAsync(() => _dialer.Dials == 2);
        _time.Advance(TimeSpan.FromMinutes(10));

        _dialer.Dials.Should().Be(2);
        await OpenAsync();
    }

    [Fact]
    public async Task A_connection_that_is_cancelled_leaves_its_tunnel_to_the_next_one()
    {
        var gate = new TaskCompletionSource();
        _dialer.Gate = gate.Task;
        using var cancel = new CancellationTokenSource();
        Task<Attempt<IStreamPair>> impatient = _pool.OpenPairAsync(80, default, cancel.Token).AsTask();
        await Waiting.UntilAsync(() => _dialer.Dials >= 1);
        await cancel.CancelAsync();
        await impatient.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        int dials = _dialer.Dials;

        gate.SetResult();
        await Waiting.UntilAsync(() => _pool.IdleCount == dials);
    }

    [Fact]
    public async Task Nothing_is_dialled_in_advance_to_a_pod_that_was_never_reached()
    {
        for (int i = 0; i < 3; i++)
        {
            _dialer.FailNext(new TunnelFault(TunnelFaultKind.Unreachable, "down"));
            (await _pool.OpenPairAsync(80, default, CancellationToken.None).Soon()).Fault!.Kind.Should().Be(TunnelFaultKind.Unreachable);
        }

        _dialer.Dials.Should().Be(3, "each connection dials once, and pre-warming would only multiply the failures");
    }

    public async ValueTask DisposeAsync() => await _pool.DisposeAsync().Soon();

    private Task<IStreamPair[]> BurstAsync() => Task.WhenAll(Enumerable.Range(0, 20).Select(_ => OpenAsync()));

    private async Task EndAsync(IStreamPair[] pairs)
    {
        foreach (FakePair pair in _dialer.Tunnels.SelectMany(tunnel => tunnel.Pairs))
        {
            pair.Complete();
        }

        await Task.WhenAll(pairs.Select(pair => pair.DisposeAsync().AsTask()));

        await Waiting.UntilAsync(() => _pool.IdleCount == _dialer.Dials);
    }

    private async Task<IStreamPair> OpenAsync() => (await _pool.OpenPairAsync(80, default, CancellationToken.None).Soon()).Value!;
}
