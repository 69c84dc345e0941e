using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Objects;
using PortForward.Cluster.Routing;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Cluster.Tests.Routing;

/// <summary>Which route a connection gets, without a cluster.</summary>
public sealed class RouteTableTests
{
    private static readonly TunnelFault Unreachable = new(TunnelFaultKind.Unreachable, "no route");

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void The_least_busy_of_the_serving_pods_is_chosen()
    {
        RouteTable table = Create();
        List<RouteState> serving = States("a:ready b:ready c:ready");
        (table.Of(serving[0]).Opening, table.Of(serving[1]).Opening, table.Of(serving[2]).Opening) = (2, 1, 2);

        table.Choose([], serving, Known("")).Route!.State.Name.Should().Be("b");
    }

    [Fact]
    public void Pods_that_are_equally_busy_have_their_turn_one_after_the_other()
    {
        RouteTable table = Create();
        List<RouteState> serving = States("a:ready b:ready c:ready");

        List<string> chosen = [.. Enumerable.Range(0, 6).Select(_ => table.Choose([], serving, Known("")).Route!.State.Name)];

        chosen[..3].Should().BeEquivalentTo("a", "b", "c");
        chosen[3..].Should().Equal(chosen[..3]);
    }

    [Fact]
    public void A_pod_that_cannot_be_reached_gets_no_connections_and_those_for_it_wait()
    {
        RouteTable table = Create();
        List<RouteState> serving = States("a:ready b:ready");
        serving[0].Reach.Fail(Unreachable);
        table.Choose([], serving, Known("")).Route!.State.Name.Should().Be("b");

        serving[1].Reach.Fail(Unreachable);

        table.Choose([], serving, Known("")).Should().Be(new RouteChoice(Route: null, MayCome: true, TimeSpan.MaxValue));
        table.Choose([], [], Known("")).Should().Be(new RouteChoice(Route: null, MayCome: true, TimeSpan.MaxValue));
    }

    [Theory]
    // Another ready pod takes it, whether it serves or not.
    [InlineData("a:ready b:ready", "a", "b", true)]
    [InlineData("a:ready b:ready c:ready", "a b", "c", true)]
    [InlineData("a:ready#2", "a", "a", true)]
    // Without one it may wait if the pods that failed it are about to be replaced.
    [InlineData("a:ready b:unready", "a", null, false)]
    [InlineData("a:ready b:terminating", "a", null, false)]
    [InlineData("a:unready", "a", null, false)]
    [InlineData("a:terminating", "a", null, true)]
    [InlineData("a:over", "a", null, true)]
    [InlineData("", "a", null, true)]
    [InlineData("a:terminating b:ready", "a b", null, false)]
    public void A_connection_that_a_pod_has_failed_goes_to_another_one(string pods, string avoided, string? chosen, bool mayCome)
    {
        RouteChoice choice = Create().Choose(avoided.Split(' '), [], Known(pods));

        (choice.Route?.State.Name, choice.MayCome, choice.UntilRetry).Should().Be((chosen, mayCome, TimeSpan.MaxValue));
    }

    [Fact]
    public void Nothing_comes_without_reconnect_or_as_long_as_no_pods_are_known()
    {
        Create(new PodRouterOptions { Reconnect = false }).Choose(["a"], [], Known("a:terminating")).MayCome.Should().BeFalse();
        Create().Choose(["a"], [], new TargetSnapshot(TestTargets.Deployment, Pods: null, IsGone: false)).MayCome.Should().BeFalse();
    }

    [Fact]
    public void Another_pod_that_could_not_be_reached_is_tried_again_in_its_time()
    {
        RouteTable table = Create();
        TargetSnapshot known = Known("a:ready b:ready");
        PodRoute other = table.Choose(["a"], [], known).Route!;
        other.State.Reach.Fail(Unreachable);

        table.Choose(["a"], [], known).Should().Be(new RouteChoice(Route: null, MayCome: true, TimeSpan.FromSeconds(0.2)));
        _time.Advance(TimeSpan.FromSeconds(0.2));

        table.Choose(["a"], [], known).Route.Should().BeSameAs(other);
    }

    [Fact]
    public void Balanced_connections_that_a_pod_has_failed_are_balanced_over_the_others()
    {
        RouteTable table = Create(new PodRouterOptions { Balance = true });
        TargetSnapshot known = Known("a:ready b:ready c:ready");

        List<string> chosen = [.. Enumerable.Range(0, 4).Select(_ => table.Choose(["a"], [], known).Route!.State.Name)];

        chosen[..2].Should().BeEquivalentTo("b", "c");
        chosen[2..].Should().Equal(chosen[..2]);
    }

    [Fact]
    public void Routes_that_serve_nobody_are_removed()
    {
        RouteTable table = Create();
        List<RouteState> states = States("serving:ready busy:ready connecting:ready unused:ready");
        List<PodRoute> routes = [.. states.Select(table.Of)];
        routes[1].Opening = 1;
        states[2].IsConnecting = true;

        table.Prune([states[0]]).Should().Equal(routes[3]);

        table.States.Should().BeEquivalentTo(states[..3]);
        table.Of(states[1]).Should().BeSameAs(routes[1]);
        table.Clear().Should().BeEquivalentTo(routes[..3]);
        table.All.Should().BeEmpty();
    }

    private RouteTable Create(PodRouterOptions? options = null)
    {
        options = Timed(options);
        return new RouteTable(state => new PodRoute(state, new TunnelPool(new NoDialer())) { Ports = [] }, options);
    }

    private PodRouterOptions Timed(PodRouterOptions? options) => (options ?? new PodRouterOptions()) with { Time = _time, Jitter = static () => 0.5 };

    private List<RouteState> States(string pods) => [.. Pods(pods).Select(pod => new RouteState(pod, Timed(options: null)))];

    private static TargetSnapshot Known(string pods) => new(TestTargets.Deployment, Pods(pods), IsGone: false);

    private static List<Pod> Pods(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(TestTargets.Parse)];

    private sealed class NoDialer : ITunnelDialer
    {
        public string Transport => "none";

        public Task<Attempt<ITunnel>> DialAsync(CancellationToken cancellationToken) => throw new InvalidOperationException("nothing is to be dialled");
    }
}
