using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Routing;
using PortForward.Testing;
using PortForward.Testing.Api;
using PortForward.Tunnels.Pool;

namespace PortForward.Cluster.Tests.Routing;

/// <summary>
/// A gateway that answers everything with a 404 of its own, such as an ingress without its backend or a management server that is being restarted: it says nothing about
/// pods, services or workloads, however long it lasts.
/// </summary>
public sealed class GatewayOutageTests : IAsyncLifetime
{
    /// <summary>Longer than a target that is known to be gone is waited for.</summary>
    private static readonly TimeSpan Outage = TimeSpan.FromMinutes(12);

    private readonly FakeTimeProvider _time = new();
    private TestCluster _cluster = null!;

    /// <summary>No tunnel is dialled in advance, which a cut of all might come too early for, and the clock does not outrun a real dial.</summary>
    private PodRouterOptions NothingInAdvance => new() { Time = _time, HoldTimeout = TimeSpan.FromDays(1), Tunnels = new TunnelPoolOptions { MinimumIdle = 0 } };

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true });
        _cluster.Add(TestObjects.Deployment("web", "app=web"));
        _cluster.Add(TestObjects.Service("web", "app=web", new ServicePort(7000, "echo", "echo")));
        _cluster.Pods.Add(TestPod.Probe("web-1").Label("app", "web"));
    }

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Theory]
    [InlineData("pod/web-1", true)]
    [InlineData("pod/web-1", false)]
    [InlineData("deploy/web", true)]
    [InlineData("svc/web", true)]
    [InlineData("svc/web", false)]
    public async Task It_ends_no_forward_and_takes_nothing_for_deleted(string target, bool mayWatch)
    {
        TestUser user = _cluster.Users.Add("user");
        (string, string)[] rights = [("get", "pods"), ("list", "pods"), ("get", "deployments"), ("get", "services"), ("get", "pods/portforward"), ("create", "pods/portforward")];
        _cluster.Access.AllowOnly("user",
            mayWatch ? [.. rights, ("watch", "pods")]
                : target.StartsWith("pod/", StringComparison.Ordinal) ? [.. rights.Where(right => right.Item1 != "list")]
                : rights);
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, target, ["7000"], NothingInAdvance, user);
        await forward.EchoOnceAsync("before");
        IDisposable outage = _cluster.Faults.Always(_ => true, RequestFault.Answer(404, "404 page not found"));
        _cluster.Tunnels.CutAll();

        await PassAsync(Outage);

        forward.Run.IsCompleted.Should().BeFalse("nobody who knows the target has said that it is gone");
        forward.Events.OfType<PodLost>().Should().ContainSingle().Which.Reason.Should().StartWith("cannot be reached: ");
        forward.Events.OfType<PodSwitched>().Should().BeEmpty();
        outage.Dispose();
        Task served = forward.EchoOnceAsync("after");
        await _time.AdvanceUntilAsync(() => served.IsCompleted);
        await served;
    }

    [Fact]
    public async Task A_pod_that_was_deleted_meanwhile_is_known_to_be_as_soon_as_the_API_server_says_so()
    {
        // A watch that is open already would tell.
        TestUser user = _cluster.Users.Add("user");
        _cluster.Access.AllowOnly("user", ("get", "pods"), ("get", "pods/portforward"), ("create", "pods/portforward"));
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "pod/web-1", ["7000"], new PodRouterOptions { Time = _time }, user);
        IDisposable outage = _cluster.Faults.Always(_ => true, RequestFault.Answer(404, "404 page not found"));
        _cluster.Pods.Find("web-1")!.Delete();
        await PassAsync(Outage);
        forward.Run.IsCompleted.Should().BeFalse();

        outage.Dispose();
        await _time.AdvanceUntilAsync(() => forward.Run.IsCompleted, TimeSpan.FromSeconds(5));

        await FluentActions.Awaiting(() => forward.Run).Should().ThrowAsync<Forwarding.PortForwardException>().WithMessage("lost connection to pod: pod web-1 is gone, and none came within 5m0s");
    }

    /// <summary>Lets time pass in steps that everything which waits can keep up with.</summary>
    private async Task PassAsync(TimeSpan time)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < time; passed += TimeSpan.FromSeconds(5))
        {
            int asked = _cluster.Requests.Count;
            _time.Advance(TimeSpan.FromSeconds(5));
            await Task.WhenAny(Waiting.UntilAsync(() => _cluster.Requests.Count > asked), Task.Delay(20));
        }
    }
}
