using System.Net;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Objects;
using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Routing;

/// <summary>Which pods serve, what is told, and when the forward ends, without a cluster: pods, faults and time go in.</summary>
public sealed class TargetFollowerTests
{
    private static readonly TunnelFault Unreachable = new(TunnelFaultKind.Unreachable, "no route");

    private static readonly TunnelFault Refused = new(TunnelFaultKind.Refused, "forbidden") { StatusCode = HttpStatusCode.InternalServerError };

    private readonly FakeTimeProvider _time = new();
    private readonly Queue<ForwardEvent> _events = new();
    private readonly List<RouteState> _routes = [];
    private PodRouterOptions _options;
    private TargetObject _target = TestTargets.Deployment;
    private TargetFollower? _follower;
    private bool _isTargetGone;

    public TargetFollowerTests() => _options = new PodRouterOptions { Time = _time, Jitter = static () => 0.5 };

    private TargetFollower Follower => _follower!;

    /// <summary>
    /// Pods are written as <see cref="TestTargets.Parse"/> reads them. Each row begins with the ready pod a. The time passes, all of it at once, after the pods
    /// were seen for the first time.
    /// </summary>
    [Theory]
    // The pod in use is kept as long as it is ready, whatever others there are.
    [InlineData("a:ready", 0, "a")]
    [InlineData("a:ready b:ready", 0, "a")]
    [InlineData("b:ready a:ready", 0, "a")]
    [InlineData("a:ready b:terminating", 60, "a")]
    // A better one takes its place at once.
    [InlineData("a:unready b:ready", 0, "b", "switched a b: is not ready (NotReady)")]
    [InlineData("a:terminating b:ready", 0, "b", "switched a b: is terminating")]
    [InlineData("a:dying b:ready", 0, "b", "switched a b: is terminating")]
    [InlineData("a:over b:ready", 0, "b", "switched a b: has ended (Succeeded)")]
    [InlineData("a:pending b:ready", 0, "b", "switched a b: has ended (Pending)")]
    [InlineData("b:ready", 0, "b", "switched a b: was deleted or taken out of deployment/web")]
    [InlineData("a:ready#2", 0, "a", "switched a a: was deleted or taken out of deployment/web")]
    // Without a better one it is kept for as long as it runs.
    [InlineData("a:unready", 60, "a")]
    [InlineData("a:terminating", 60, "a")]
    [InlineData("a:dying", 60, "a")]
    [InlineData("a:unready b:unready", 60, "a")]
    [InlineData("a:unready b:dying", 60, "a")]
    [InlineData("a:unready b:pending", 60, "a")]
    [InlineData("a:terminating b:unready", 60, "a")]
    // One that does not run any more is lost, and an unready one is used only after a while.
    [InlineData("", 0, "", "lost a: was deleted or taken out of deployment/web")]
    [InlineData("a:over", 0, "", "lost a: has ended (Succeeded)")]
    [InlineData("a:over", 60, "", "lost a: has ended (Succeeded)")]
    [InlineData("b:pending", 60, "", "lost a: was deleted or taken out of deployment/web")]
    [InlineData("b:dying", 60, "", "lost a: was deleted or taken out of deployment/web")]
    [InlineData("b:terminating", 60, "", "lost a: was deleted or taken out of deployment/web")]
    [InlineData("b:unready", 0, "", "lost a: was deleted or taken out of deployment/web")]
    [InlineData("b:unready", 14.9, "", "lost a: was deleted or taken out of deployment/web")]
    [InlineData("b:unready", 15, "b", "lost a: was deleted or taken out of deployment/web")]
    [InlineData("a:over b:unready", 15, "b", "lost a: has ended (Succeeded)")]
    [InlineData("a:unready#2", 0, "", "lost a: was deleted or taken out of deployment/web")]
    [InlineData("a:unready#2", 15, "a", "lost a: was deleted or taken out of deployment/web")]
    public void One_pod_serves(string pods, double seconds, string serving, params string[] told)
    {
        Begin("a:ready");

        See(pods);
        See(pods); // The grace of an unready pod begins after the loss.
        Pass(seconds);
        See(pods);

        Served().Should().Be(serving);
        Told().Should().Equal(told);
        Follower.IsLost.Should().Be(told.Any(text => text.StartsWith("lost", StringComparison.Ordinal)));
        Follower.End.Should().BeNull();
    }

    [Theory]
    // Every ready pod serves.
    [InlineData("a:ready", 0, "a")]
    [InlineData("a:ready b:ready c:ready", 0, "a b c", "serving a b c")]
    [InlineData("c:ready a:ready b:unready d:terminating e:pending", 0, "c a", "serving a c")]
    [InlineData("b:ready c:ready", 0, "b c", "serving b c")]
    [InlineData("a:ready#2", 0, "a#2", "serving a")]
    // As long as none is ready, one that runs is better than none.
    [InlineData("a:unready b:unready", 60, "a")]
    [InlineData("a:terminating b:unready", 60, "a")]
    [InlineData("", 0, "", "lost a: was deleted or taken out of deployment/web")]
    [InlineData("a:over b:unready", 0, "", "lost a: has ended (Succeeded)")]
    [InlineData("a:over b:unready", 15, "b", "lost a: has ended (Succeeded)")]
    [InlineData("b:unready", 15, "b", "lost a: was deleted or taken out of deployment/web")]
    public void All_ready_pods_serve_when_connections_are_balanced(string pods, double seconds, string serving, params string[] told)
    {
        _options = _options with { Balance = true };
        Begin("a:ready");

        See(pods);
        See(pods); // The grace of an unready pod begins after the loss.
        Pass(seconds);
        See(pods);

        Served(withUid: true).Should().Be(serving);
        Told().Should().Equal(told);
    }

    [Theory]
    // Without reconnect a pod is kept for as long as it runs or was only taken out of the target, and a better one is used only as long as it runs.
    [InlineData("a:ready b:ready", "a", null)]
    [InlineData("a:unready b:ready", "a", null)]
    [InlineData("a:terminating b:ready", "a", null)]
    [InlineData("b:ready", "a", null)]
    [InlineData("a:over b:ready", "", "lost connection to pod")]
    [InlineData("a:over", "", "lost connection to pod")]
    public void Without_reconnect_the_first_loss_is_the_end(string pods, string serving, string? end)
    {
        _options = _options with { Reconnect = false };
        Begin("a:ready");

        See(pods);

        Served().Should().Be(serving);
        Follower.End?.Message.Should().Be(end);
        (Follower.End is null).Should().Be(end is null);
        Told().Should().BeEmpty();
        Follower.TakeDueAttempts().Should().BeEmpty();
    }

    [Fact]
    public void Without_reconnect_a_pod_that_was_deleted_is_the_end()
    {
        _options = _options with { Reconnect = false };
        _target = TestTargets.Pod("a");
        Begin("a:ready");

        See("");

        Follower.End!.Message.Should().Be("lost connection to pod");
    }

    [Fact]
    public void Without_reconnect_tunnels_that_end_are_the_end()
    {
        _options = _options with { Reconnect = false };
        Begin("a:ready");

        Follower.TunnelsLost(Route("a"), hasServed: true, fault: null).Should().BeFalse();

        Follower.End!.Message.Should().Be("lost connection to pod");
    }

    [Fact]
    public void A_target_that_began_with_an_unready_pod_takes_unready_ones_at_once()
    {
        Begin("a:unready");

        See("b:unready");

        Served().Should().Be("b");
        Told().Should().Equal("switched a b: was deleted or taken out of deployment/web");
    }

    [Fact]
    public void An_unready_pod_has_its_grace_anew_each_time_that_none_is_left()
    {
        Begin("a:ready");
        See("b:unready");
        Pass(14);
        See("");
        Pass(14);

        See("b:unready");
        Pass(14);
        See("b:unready");
        Served().Should().BeEmpty();
        Follower.UntilNext.Should().Be(TimeSpan.FromSeconds(1));
        Pass(1);
        See("b:unready");

        Served().Should().Be("b");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Once_a_pod_serves_nothing_is_due_for_the_grace_that_has_passed(bool balance)
    {
        _options = _options with { Balance = balance };
        Begin("a:ready");
        See("b:unready");
        See("b:unready");
        Pass(15);
        See("b:unready");
        Served().Should().Be("b");
        Follower.Connected(Route("b"));
        See("b:ready");

        Pass(60);

        Follower.UntilNext.Should().Be(TimeSpan.MaxValue);
    }

    [Fact]
    public void A_pod_that_becomes_ready_in_time_needs_no_grace()
    {
        Begin("a:ready");
        See("b:unready");
        Pass(1);

        See("b:ready");

        Served().Should().Be("b");
    }

    [Fact]
    public void As_long_as_no_pods_are_known_the_first_one_serves()
    {
        Begin("a:ready");

        Update(pods: null).Should().BeFalse();

        Served().Should().Be("a");
        Told().Should().BeEmpty();
    }

    [Fact]
    public void Connections_that_wait_are_told_when_others_serve_and_only_then()
    {
        Begin("a:ready");

        See("a:ready").Should().BeFalse();
        See("a:unready b:ready").Should().BeTrue();
        See("a:unready b:ready").Should().BeFalse();
        See("").Should().BeTrue();
        See("").Should().BeFalse();
    }

    [Fact]
    public void A_lost_target_is_back_when_a_tunnel_to_its_successor_is_established()
    {
        Begin("a:ready");
        See("");
        Pass(3);

        See("b:ready");
        (Follower.IsLost, Route("b").Reach.IsFailing).Should().Be((true, true), "connections wait until a tunnel is established");
        Due().Should().Be("b");
        Due().Should().BeEmpty("an attempt is being made");
        Pass(1);
        Follower.Connected(Route("b")).Should().BeTrue();

        (Follower.IsLost, Route("b").Reach.IsFailing).Should().Be((false, false));
        Told().Should().Equal("lost a: was deleted or taken out of deployment/web", "back b after 4");
        Follower.Connected(Route("b")).Should().BeFalse("it was not lost");
    }

    [Fact]
    public void A_pod_that_serves_no_more_does_not_bring_a_lost_target_back()
    {
        Begin("a:ready");
        See("");

        Follower.Connected(_routes[0]).Should().BeFalse();

        Follower.IsLost.Should().BeTrue();
    }

    [Fact]
    public void A_pod_that_cannot_be_reached_counts_as_lost_after_two_seconds()
    {
        Begin("a:ready");
        Pass(60);

        Follower.TunnelsLost(Route("a"), hasServed: true, fault: null).Should().BeTrue();
        Follower.UntilNext.Should().Be(TimeSpan.FromMilliseconds(25), "then the first attempt is due");
        Pass(0.025);
        Due().Should().Be("a");
        Follower.UntilNext.Should().Be(TimeSpan.FromSeconds(1.975), "then it is told");
        Pass(1.974);
        See("a:ready");
        Told().Should().BeEmpty();
        Pass(0.001);
        See("a:ready");

        Told().Should().Equal("lost a: cannot be reached: the server does not answer");
        Follower.Connected(Route("a"));
        Told().Should().Equal("back a after 0");
    }

    [Fact]
    public void A_pod_that_comes_back_within_two_seconds_was_never_lost()
    {
        Begin("a:ready");
        Follower.TunnelsLost(Route("a"), hasServed: true, fault: null);
        Pass(1.9);
        See("a:ready");

        Follower.Connected(Route("a")).Should().BeFalse();
        Pass(60);
        See("a:ready");

        Told().Should().BeEmpty();
        Follower.UntilNext.Should().Be(TimeSpan.MaxValue);
    }

    [Fact]
    public void An_attempt_that_fails_is_told_at_once_and_made_again_later()
    {
        Begin("a:ready");
        Follower.TunnelsLost(Route("a"), hasServed: true, fault: null);
        Pass(0.1);
        Due().Should().Be("a");

        Fail("a", Unreachable);

        Told().Should().Equal("lost a: cannot be reached: no route");
        Due().Should().BeEmpty();
        Follower.UntilNext.Should().Be(TimeSpan.FromSeconds(0.2));
        Pass(0.2);
        Due().Should().Be("a");
    }

    [Fact]
    public void Why_no_tunnel_can_be_had_is_told_at_once_when_it_is_known()
    {
        Begin("a:ready");

        Follower.TunnelsLost(Route("a"), hasServed: true, Unreachable).Should().BeTrue();

        Told().Should().Equal("lost a: cannot be reached: no route");
    }

    [Fact]
    public void Tunnels_of_a_pod_that_serves_no_more_may_end()
    {
        Begin("a:ready");
        RouteState former = Route("a");
        See("b:ready");
        Told();

        Follower.TunnelsLost(former, hasServed: true, Unreachable).Should().BeFalse();
        Follower.AttemptFailed(former, Unreachable);

        Told().Should().BeEmpty();
        Follower.IsLost.Should().BeFalse();
    }

    [Fact]
    public void A_connection_that_cannot_reach_the_pod_has_an_attempt_made_at_once_and_nobody_told()
    {
        Begin("a:ready");
        Pass(60);

        Follower.ConnectionFailed(Route("a"), Unreachable);

        Due().Should().Be("a");
        Told().Should().BeEmpty();
        Follower.ConnectionFailed(Route("a"), Unreachable);
        Due().Should().BeEmpty("the second connection changes nothing");
    }

    [Fact]
    public void A_connection_that_cannot_reach_a_pod_that_does_not_serve_lets_that_pod_alone_for_a_while()
    {
        Begin("a:ready");
        var other = new RouteState(Pods("b:ready")[0], _options);
        _routes.Add(other);

        Follower.ConnectionFailed(other, Unreachable);

        other.Reach.UntilRetry.Should().Be(TimeSpan.FromSeconds(0.2));
        Due().Should().BeEmpty();
        Told().Should().BeEmpty();
    }

    [Fact]
    public void As_long_as_one_of_several_pods_can_be_reached_nothing_is_lost()
    {
        _options = _options with { Balance = true };
        Begin("a:ready");
        See("a:ready b:ready");
        Told();

        Fail("a", Unreachable);
        Pass(60);
        See("a:ready b:ready");
        Told().Should().BeEmpty();
        Fail("b", Unreachable);

        Told().Should().Equal("lost b: cannot be reached: no route");
    }

    [Fact]
    public void A_pod_that_the_server_refuses_twice_gives_way_to_another_ready_one()
    {
        Begin("a:ready");
        See("a:ready b:ready");
        Fail("a", Refused);
        See("a:ready b:ready");
        Served().Should().Be("a");

        Fail("a", Refused);
        See("a:ready b:ready");

        Served().Should().Be("b");
        Told().Should().Equal("lost a: cannot be reached: forbidden");
    }

    [Fact]
    public void Pods_that_are_refused_have_their_turn_one_after_the_other_each_in_its_time()
    {
        Begin("a:ready");
        Fail("a", Refused);
        Fail("a", Refused);
        See("a:ready b:ready");
        Fail("b", Refused);
        Fail("b", Refused);

        See("a:ready b:ready");
        Served().Should().Be("b", "the time of the other has not come");
        Pass(0.2);
        See("a:ready b:ready");

        Served().Should().Be("a");
    }

    [Fact]
    public void A_refused_pod_without_another_one_is_kept()
    {
        Begin("a:ready");
        Fail("a", Refused);
        Fail("a", Refused);

        See("a:ready b:pending");

        Served().Should().Be("a");
    }

    [Theory]
    // A time that was set counts from the loss, whatever was lost.
    [InlineData("deployment", "", 60, 59, null)]
    [InlineData("deployment", "", 60, 60, "deployment/web has no running pod, and none came within 1m0s")]
    [InlineData("pod", "", 60, 60, "pod a is gone, and none came within 1m0s")]
    [InlineData("finished", "", 60, 60, "job/web has finished, and none came within 1m0s")]
    // Otherwise there is a limit only for what is gone for good.
    [InlineData("deployment", "", null, 100_000, null)]
    [InlineData("deployment", "b:pending", null, 100_000, null)]
    [InlineData("pod", "", null, 299, null)]
    [InlineData("pod", "", null, 300, "pod a is gone, and none came within 5m0s")]
    [InlineData("pod", "a:over", null, 300, "pod a is gone, and none came within 5m0s")]
    [InlineData("pod", "a:pending#2", null, 100_000, null)]
    [InlineData("finished", "", null, 300, "job/web has finished, and none came within 5m0s")]
    [InlineData("gone", "", null, 299, null)]
    [InlineData("gone", "", null, 300, "deployment/web does not exist any more, and none came within 5m0s")]
    public void A_target_that_is_lost_for_too_long_ends_the_forward(string target, string pods, int? timeout, double seconds, string? end)
    {
        _options = _options with { ReconnectTimeout = timeout is { } set ? TimeSpan.FromSeconds(set) : null };
        _target = target switch
        {
            "pod" => TestTargets.Pod("a"),
            "finished" => TestTargets.FinishedJob,
            _ => TestTargets.Deployment,
        };
        _isTargetGone = target == "gone";
        Begin("a:ready");

        See(pods);
        Pass(seconds);
        bool isTold = See(pods);

        isTold.Should().Be(end is not null);
        Follower.End?.Message.Should().Be($"lost connection to pod: {end}");
        (Follower.End is null).Should().Be(end is null);
    }

    [Fact]
    public void A_target_that_may_come_back_after_all_has_its_whole_time_when_it_is_gone_again()
    {
        Begin("a:ready");
        _isTargetGone = true;
        See("");
        Pass(299);
        _isTargetGone = false;
        See("");
        _isTargetGone = true;
        See("");
        Follower.UntilNext.Should().Be(TimeSpan.FromMinutes(5));
        Pass(299);
        See("");
        Follower.End.Should().BeNull();

        Pass(1);
        See("");

        Follower.End.Should().NotBeNull();
    }

    [Fact]
    public void A_server_that_is_away_for_too_long_is_not_a_pod_that_did_not_come()
    {
        _options = _options with { ReconnectTimeout = TimeSpan.FromSeconds(10) };
        Begin("a:ready");
        Fail("a", Unreachable);
        Pass(10);

        See("a:ready");

        Follower.End!.Message.Should().Be("lost connection to pod: pod a cannot be reached: no route, and was not within 10s");
    }

    [Fact]
    public void The_time_of_a_loss_begins_anew_after_the_target_was_back()
    {
        _options = _options with { ReconnectTimeout = TimeSpan.FromSeconds(10) };
        Begin("a:ready");
        Fail("a", Unreachable);
        Pass(9);
        Follower.Connected(Route("a"));
        Fail("a", Unreachable);
        Pass(9);

        See("a:ready");

        Follower.End.Should().BeNull();
        Told().Should().Equal("lost a: cannot be reached: no route", "back a after 9", "lost a: cannot be reached: no route");
    }

    [Fact]
    public void A_pod_of_a_workload_that_is_lost_points_at_the_workload()
    {
        _target = TestTargets.Pod("a");
        Pod owned = Pods("a:ready")[0];
        owned.Metadata!.OwnerReferences = [new OwnerReference { Kind = "DaemonSet", Name = "agents", Controller = true }];
        Begin(owned);

        See("");

        _events.OfType<PodLost>().Single().Should().Be(new PodLost("a", "was deleted", "use ds/agents to follow the workload"));
    }

    [Fact]
    public void A_server_that_is_away_is_no_reason_for_another_target()
    {
        _target = TestTargets.Pod("a");
        Pod owned = Pods("a:ready")[0];
        owned.Metadata!.OwnerReferences = [new OwnerReference { Kind = "DaemonSet", Name = "agents", Controller = true }];
        Begin(owned);

        Fail("a", Unreachable);

        _events.OfType<PodLost>().Single().Should().Be(new PodLost("a", "cannot be reached: no route", Hint: null) { Cause = LossCause.ServerUnreachable });
    }

    [Fact]
    public void The_newest_revision_comes_first_among_ready_pods()
    {
        Begin("a:ready");
        List<Pod> pods = Pods("old:ready new:ready");
        for (int i = 0; i < pods.Count; i++)
        {
            pods[i].Metadata!.CreationTimestamp = DateTime.UnixEpoch.AddDays(i);
            pods[i].Metadata!.Labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["controller-revision-hash"] = $"revision-{i}" };
            pods[i].Metadata!.OwnerReferences = [new OwnerReference { Kind = "StatefulSet", Name = "web", Controller = true }];
        }

        Update(pods);

        Served().Should().Be("new");
    }

    [Fact]
    public void After_the_end_of_the_router_no_pod_serves()
    {
        Begin("a:ready");

        Follower.Stop();

        Served().Should().BeEmpty();
        Follower.TunnelsLost(_routes[0], hasServed: true, Unreachable).Should().BeFalse();
        Told().Should().BeEmpty();
    }

    private void Begin(string pod) => Begin(Pods(pod)[0]);

    private void Begin(Pod pod)
    {
        var first = new RouteState(pod, _options);
        _routes.Add(first);
        _follower = new TargetFollower(new ResolvedTarget(_target, pod, [], []), first, _options, _events.Enqueue);
    }

    private bool See(string pods) => Update(Pods(pods));

    private bool Update(List<Pod>? pods)
    {
        bool isTold = Follower.Update(new TargetSnapshot(_target, pods, _isTargetGone), _routes);
        _routes.AddRange(Follower.Serving.Except(_routes));
        return isTold;
    }

    private void Pass(double seconds) => _time.Advance(TimeSpan.FromSeconds(seconds));

    private void Fail(string pod, TunnelFault fault)
    {
        Route(pod).IsConnecting = false;
        Follower.AttemptFailed(Route(pod), fault);
    }

    private RouteState Route(string pod) => Follower.Serving.Single(route => route.Name == pod);

    private string Served(bool withUid = false) =>
        string.Join(' ', Follower.Serving.Select(route => withUid && route.Uid.EndsWith("#2", StringComparison.Ordinal) ? route.Uid : route.Name));

    private string Due() => string.Join(' ', Follower.TakeDueAttempts().Select(route => route.Name));

    /// <summary>What was told since this was asked last.</summary>
    private List<string> Told()
    {
        List<string> told = [.. _events.Select(one => one switch
        {
            PodLost lost => $"lost {lost.Pod}: {lost.Reason}",
            PodBack back => $"back {back.Pod} after {back.After.TotalSeconds}",
            PodSwitched switched => $"switched {switched.From} {switched.To}: {switched.Reason}",
            PodsServing serving => $"serving {string.Join(' ', serving.Pods)}",
            _ => one.ToString(),
        })];
        _events.Clear();
        return told;
    }

    private static List<Pod> Pods(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(TestTargets.Parse)];
}
