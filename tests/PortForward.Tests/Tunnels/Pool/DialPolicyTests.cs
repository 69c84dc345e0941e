using Microsoft.Extensions.Time.Testing;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>When a pool dials, as a table.</summary>
public sealed class DialPolicyTests
{
    private static readonly TunnelFault TooMany = new(TunnelFaultKind.Refused, "too many");

    private readonly FakeTimeProvider _time = new();
    private readonly DialPolicy _policy;

    public DialPolicyTests() => _policy = new DialPolicy(new TunnelPoolOptions { MaxTunnels = 10, Time = _time });

    [Theory]
    [InlineData(0, 0, 0, 0)]
    [InlineData(1, 0, 0, 1)]
    [InlineData(3, 0, 0, 3)]
    [InlineData(3, 0, 2, 1)]
    [InlineData(3, 0, 5, 0)]
    [InlineData(0, 1, 0, 1)]
    [InlineData(0, 4, 0, 1)]
    [InlineData(0, 1, 1, 0)]
    [InlineData(2, 3, 0, 2)]
    public void Each_waiter_has_a_dial_under_way_and_those_who_only_ask_for_a_tunnel_have_one_together(int waiters, int connecting, int dialling, int dials)
    {
        _policy.Plan(Demand(waiters: waiters, connecting: connecting, dialling: dialling)).Should().Be(dials);
    }

    [Theory]
    [InlineData(9, 0, 5, 1)]
    [InlineData(10, 0, 5, 0)]
    [InlineData(7, 2, 5, 1)]
    [InlineData(0, 10, 20, 0)]
    public void Established_tunnels_and_dials_together_stay_within_the_limit(int occupied, int dialling, int waiters, int dials)
    {
        DialDemand demand = Demand(waiters: waiters, dialling: dialling, occupied: occupied);

        _policy.Plan(demand).Should().Be(dials);
        _policy.HasRoom(demand with { Dialling = dialling + dials }).Should().Be(occupied + dialling + dials < 10);
    }

    [Theory]
    [InlineData(5, 1, 0, 1)]
    [InlineData(5, 3, 1, 3)]
    [InlineData(5, 0, 1, 0)]
    [InlineData(5, 0, 0, 1)]
    [InlineData(1, 9, 1, 1)]
    public void The_budget_that_is_shared_with_other_pools_limits_all_but_the_first_tunnel(int waiters, int room, int occupied, int dials)
    {
        _policy.Plan(Demand(waiters: waiters, occupied: occupied, room: room)).Should().Be(dials);
    }

    [Theory]
    [InlineData(0, 0, 0, 1)]
    [InlineData(0, 0, 1, 0)]
    [InlineData(0, 1, 0, 0)]
    [InlineData(2, 0, 0, 2)]
    [InlineData(2, 0, 2, 0)]
    [InlineData(2, 1, 0, 2)]
    public void Once_a_tunnel_was_established_and_nobody_waits_the_minimum_of_idle_ones_is_dialled(int waiters, int idle, int dialling, int dials)
    {
        DialDemand demand = Demand(waiters: waiters, dialling: dialling, occupied: 1, hasTunnels: true) with { Idle = idle, Prewarm = true };

        _policy.Plan(demand).Should().Be(dials);
    }

    [Fact]
    public void Nothing_is_dialled_in_advance_to_a_pod_that_was_never_reached()
    {
        _policy.Plan(Demand() with { Prewarm = true }).Should().Be(0);
    }

    [Fact]
    public void Nothing_is_dialled_in_advance_if_the_options_say_so()
    {
        var policy = new DialPolicy(new TunnelPoolOptions { MinimumIdle = 0, Time = _time });

        policy.Plan(Demand(occupied: 1, hasTunnels: true) with { Prewarm = true }).Should().Be(0);
        policy.Plan(Demand(waiters: 2, occupied: 1, hasTunnels: true) with { Prewarm = true }).Should().Be(2);
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(2, 2)]
    [InlineData(3, 1)]
    [InlineData(4, 0)]
    public void More_of_them_are_dialled_in_advance_if_the_options_say_so(int idle, int dials)
    {
        var policy = new DialPolicy(new TunnelPoolOptions { MinimumIdle = 4, Time = _time });

        policy.Plan(Demand(occupied: 1, hasTunnels: true) with { Idle = idle, Prewarm = true }).Should().Be(dials);
    }

    [Theory]
    [InlineData(null, 1)]
    [InlineData(0, 1)]
    [InlineData(20, 20)]
    public void After_a_refusal_connections_share_for_a_second_or_for_as_long_as_the_server_asks(int? retryAfter, int seconds)
    {
        DialDemand demand = Demand(waiters: 1, occupied: 1, hasTunnels: true) with { CanShare = true };
        _policy.Refused(TooMany with { RetryAfter = retryAfter is { } asked ? TimeSpan.FromSeconds(asked) : null });

        _time.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromMilliseconds(1));
        (_policy.MayDial(demand), _policy.Plan(demand)).Should().Be((false, 0));
        _policy.Plan(demand with { CanShare = false }).Should().Be(1, "nobody could be served otherwise");
        _time.Advance(TimeSpan.FromMilliseconds(1));
        (_policy.MayDial(demand), _policy.Plan(demand)).Should().Be((true, 1));
    }

    [Fact]
    public void A_tunnel_that_was_established_ends_the_wait_after_a_refusal()
    {
        DialDemand demand = Demand(waiters: 1, occupied: 1, hasTunnels: true) with { CanShare = true };
        _policy.Refused(TooMany);

        _policy.Established();

        _policy.Plan(demand).Should().Be(1);
    }

    [Fact]
    public void The_last_tunnel_is_replaced_unless_one_is_under_way()
    {
        DialDemand demand = Demand() with { ReplaceLast = true };

        _policy.Plan(demand).Should().Be(1);
        _policy.Plan(demand with { Dialling = 1 }).Should().Be(0);
        _policy.Plan(demand with { HasTunnels = true, Occupied = 1 }).Should().Be(0);
    }

    private static DialDemand Demand(int waiters = 0, int connecting = 0, int dialling = 0, int occupied = 0, bool hasTunnels = false, int room = int.MaxValue) => new()
    {
        Waiters = waiters,
        Connecting = connecting,
        Dialling = dialling,
        Idle = 0,
        Occupied = occupied,
        CanShare = false,
        HasTunnels = hasTunnels,
        Room = room,
    };
}
