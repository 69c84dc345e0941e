using System.Net;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Routing;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Routing;

public sealed class PodReachTests
{
    private static readonly TunnelFault Unreachable = new(TunnelFaultKind.Unreachable, "no route");

    private readonly FakeTimeProvider _time = new();
    private readonly PodReach _reach;

    public PodReachTests() => _reach = new PodReach(_time, () => 0.5);

    [Fact]
    public void Attempts_that_fail_come_twice_as_late_each_time_up_to_8_seconds()
    {
        _reach.Fail(Unreachable);

        List<double> waits = [_reach.UntilRetry.TotalSeconds];
        for (int i = 0; i < 7; i++)
        {
            _reach.Fail(Unreachable);
            waits.Add(_reach.UntilRetry.TotalSeconds);
        }

        waits.Should().Equal(0.2, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 8);
    }

    [Fact]
    public void A_server_that_asks_for_a_wait_gets_it_but_no_longer_one_than_two_minutes()
    {
        _reach.Fail(Unreachable with { RetryAfter = TimeSpan.FromSeconds(30) });
        _reach.UntilRetry.Should().Be(TimeSpan.FromSeconds(30));

        _reach.Fail(Unreachable with { RetryAfter = TimeSpan.FromHours(1) });
        _reach.UntilRetry.Should().Be(TimeSpan.FromMinutes(2));
    }

    [Fact]
    public void Tunnels_that_have_served_are_replaced_soon_however_often_they_end()
    {
        for (int i = 0; i < 5; i++)
        {
            _reach.Connected();
            _reach.LoseTunnels(hasServed: true);
            _reach.UntilRetry.Should().Be(TimeSpan.FromMilliseconds(25));
        }
    }

    [Fact]
    public void Tunnels_that_last_only_for_a_moment_are_replaced_ever_later()
    {
        List<double> waits = [];
        for (int i = 0; i < 3; i++)
        {
            _reach.Connected();
            _time.Advance(TimeSpan.FromSeconds(1));
            _reach.LoseTunnels(hasServed: false);
            waits.Add(_reach.UntilRetry.TotalSeconds);
        }

        _reach.Connected();
        _time.Advance(TimeSpan.FromSeconds(5));
        _reach.LoseTunnels(hasServed: false);
        waits.Add(_reach.UntilRetry.TotalSeconds);

        waits[1..3].Should().Equal(0.4, 0.8);
        waits[3].Should().Be(0.025, "it lasted for long enough");
    }

    [Fact]
    public void A_connection_that_could_not_reach_it_has_an_attempt_made_at_once_unless_the_server_asks_for_a_wait()
    {
        _time.Advance(TimeSpan.FromMinutes(1));
        _reach.MarkFailing(Unreachable);
        (_reach.IsFailing, _reach.IsFirst, _reach.UntilRetry).Should().Be((true, true, TimeSpan.Zero));

        _reach.Connected();
        _reach.IsFailing.Should().BeFalse();
        _time.Advance(TimeSpan.FromMinutes(1));
        _reach.MarkFailing(Unreachable with { RetryAfter = TimeSpan.FromSeconds(7) });
        _reach.UntilRetry.Should().Be(TimeSpan.FromSeconds(7));
    }

    [Fact]
    public void A_pod_that_the_server_refuses_twice_is_not_worth_waiting_for()
    {
        var refused = new TunnelFault(TunnelFaultKind.Refused, "forbidden") { StatusCode = HttpStatusCode.Forbidden };
        _reach.Fail(refused);
        _reach.IsRefused.Should().BeFalse();
        _reach.Fail(refused);
        _reach.IsRefused.Should().BeTrue();

        _reach.Connected();
        _reach.IsRefused.Should().BeFalse();
    }
}
