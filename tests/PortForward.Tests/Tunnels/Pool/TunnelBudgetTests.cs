using Microsoft.Extensions.Time.Testing;
using PortForward.Tests.Support;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>What several pools may have together, and what a pool keeps that nobody uses.</summary>
public sealed class TunnelBudgetTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly TunnelBudget _budget = new(3);
    private readonly FakeDialer _oneDialer = new();
    private readonly FakeDialer _otherDialer = new();
    private readonly TunnelPool _one;
    private readonly TunnelPool _other;

    public TunnelBudgetTests()
    {
        var options = new TunnelPoolOptions { MinimumIdle = 0, Budget = _budget, Time = _time };
        _one = new TunnelPool(_oneDialer, options);
        _other = new TunnelPool(_otherDialer, options with { UnusedTime = TimeSpan.FromMinutes(1) });
    }

    public async ValueTask DisposeAsync()
    {
        await _one.DisposeAsync();
        await _other.DisposeAsync();
    }

    [Fact]
    public async Task Pools_stay_within_the_budget_together_and_share_tunnels_beyond_it()
    {
        for (int i = 0; i < 2; i++)
        {
            await OpenAsync(_one);
        }

        await OpenAsync(_other);
        await OpenAsync(_one);
        await OpenAsync(_other);

        _oneDialer.Dials.Should().Be(2);
        _otherDialer.Dials.Should().Be(1);
        _budget.Left.Should().Be(0);
    }

    [Fact]
    public async Task A_pool_without_a_tunnel_may_have_one_whatever_the_others_have()
    {
        for (int i = 0; i < 3; i++)
        {
            await OpenAsync(_one);
        }

        await OpenAsync(_other);

        _otherDialer.Dials.Should().Be(1);
        _budget.Left.Should().Be(0, "less than nothing is nothing");
    }

    [Fact]
    public async Task What_a_pool_has_no_longer_others_may_have()
    {
        for (int i = 0; i < 3; i++)
        {
            await OpenAsync(_one);
        }

        _oneDialer.Tunnels.First().Die();
        await Waiting.UntilAsync(() => _budget.Left == 1);
        await OpenAsync(_other);
        _budget.Left.Should().Be(0);

        await _one.DisposeAsync();
        _budget.Left.Should().Be(2);
    }

    [Fact]
    public async Task A_dial_that_has_failed_is_given_back()
    {
        _oneDialer.FailNext(new TunnelFault(TunnelFaultKind.Unreachable, "nobody there"));

        (await _one.OpenPairAsync(80, default, CancellationToken.None).Soon()).Fault.Should().NotBeNull();

        _budget.Left.Should().Be(3);
    }

    [Fact]
    public async Task Idle_tunnels_beyond_the_minimum_end_at_once_when_another_pool_misses_them()
    {
        IStreamPair[] pairs = [await OpenAsync(_one), await OpenAsync(_one), await OpenAsync(_one)];
        for (int i = 0; i < pairs.Length; i++)
        {
            _oneDialer.Tunnels.ElementAt(i).Pairs.First().Complete();
            await pairs[i].DisposeAsync();
        }

        await Waiting.UntilAsync(() => _one.IdleCount == 3);
        _time.Advance(TimeSpan.FromSeconds(5));
        _one.IdleCount.Should().Be(3, "nobody else wants any");

        await OpenAsync(_other);
        _time.Advance(TimeSpan.FromSeconds(5));

        _one.IdleCount.Should().Be(1);
        _budget.Left.Should().Be(1);
    }

    [Fact]
    public async Task Tunnels_to_a_pod_that_gets_no_further_connection_leave_the_budget_to_its_successor()
    {
        for (int i = 0; i < 3; i++)
        {
            await OpenAsync(_one);
        }

        _one.SetServing(false);
        for (int i = 0; i < 3; i++)
        {
            await OpenAsync(_other);
        }

        _otherDialer.Dials.Should().Be(3);
        _budget.Left.Should().Be(0);
        _one.SetServing(true);
        _budget.Left.Should().Be(0);
    }

    [Fact]
    public async Task A_budget_that_is_made_smaller_takes_no_tunnel_away()
    {
        await OpenAsync(_one);
        await OpenAsync(_one);
        _budget.Most = 1;
        await OpenAsync(_one);

        _oneDialer.Dials.Should().Be(2);
        _oneDialer.Tunnels.Should().OnlyContain(tunnel => tunnel.IsConnected);
    }

    [Fact]
    public void A_budget_of_nothing_is_refused()
    {
        FluentActions.Invoking(() => new TunnelBudget(0)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => _budget.Most = 0).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public async Task A_pool_that_nobody_uses_keeps_no_tunnel_if_the_options_say_so_and_that_is_no_loss()
    {
        int lost = 0;
        var dialer = new FakeDialer();
        await using var pool = new TunnelPool(dialer, new TunnelPoolOptions { UnusedTime = TimeSpan.FromMinutes(1), OnLost = _ => lost++, Time = _time });
        await pool.ConnectAsync(CancellationToken.None).Soon();

        _time.Advance(TimeSpan.FromSeconds(55));
        pool.IdleCount.Should().Be(1);
        _time.Advance(TimeSpan.FromSeconds(5));
        pool.IdleCount.Should().Be(0);
        await Waiting.UntilAsync(() => !dialer.Tunnels.First().IsConnected);

        await OpenAsync(pool);
        dialer.Dials.Should().BeGreaterThanOrEqualTo(2, "the next connection has a tunnel again");
        lost.Should().Be(0);
    }

    [Fact]
    public async Task A_connection_that_is_open_for_long_is_a_use()
    {
        IStreamPair pair = await OpenAsync(_other);
        for (int minute = 0; minute < 60; minute++)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        _otherDialer.Tunnels.First().Pairs.First().Complete();
        await pair.DisposeAsync();
        await Waiting.UntilAsync(() => _other.IdleCount == 1);
        _time.Advance(TimeSpan.FromSeconds(50));

        _other.IdleCount.Should().Be(1);
    }

    private static async Task<IStreamPair> OpenAsync(TunnelPool pool)
    {
        Attempt<IStreamPair> result = await pool.OpenPairAsync(80, default, CancellationToken.None).Soon();
        result.Succeeded(out IStreamPair? pair, out _).Should().BeTrue();
        return pair!;
    }
}
