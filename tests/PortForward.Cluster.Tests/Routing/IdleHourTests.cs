using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Routing;
using PortForward.Testing;
using PortForward.Testing.Api;

namespace PortForward.Cluster.Tests.Routing;

/// <summary>What a forward that nobody uses asks the server for in an hour of the test's clock, while something lasts.</summary>
public sealed class IdleHourTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private TestCluster _cluster = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true });
        _cluster.Add(TestObjects.Deployment("web", "app=web"));
        _cluster.Add(TestObjects.Service("web", "app=web", new ServicePort(7000, "echo", "echo")));
    }

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Theory]
    [InlineData("deploy/web", "/deployments/web")]
    [InlineData("svc/web", "/services/web")]
    public async Task A_target_without_pods_is_read_122_times(string target, string path)
    {
        TestPod pod = AddWeb("web-1");
        await using RoutedForward forward = await StartAsync(target);
        pod.Delete();
        await forward.EventAsync<PodLost>();

        await PassAnHourAsync();

        Asked(path).Should().BeInRange(10, 125, "a busy machine answers only some of them in the pauses of the test");
        Asked("/pods").Should().BeLessThan(60, "they are watched");
        Asked("/portforward").Should().BeLessThan(10);
    }

    [Fact]
    public async Task A_pod_that_has_left_the_target_and_keeps_a_connection_is_looked_for_62_times()
    {
        TestPod first = AddWeb("web-1");
        await using RoutedForward forward = await StartAsync("deploy/web");
        using Socket old = await forward.ConnectAsync();
        await RoutedForward.EchoAsync(old, "before");
        AddWeb("web-2");
        first.Label("app", "quarantine");
        await forward.EventAsync<PodSwitched>();

        await PassAnHourAsync();

        Asked("/pods/web-1").Should().BeInRange(10, 65);
        await RoutedForward.EchoAsync(old, "still there");
    }

    [Fact]
    public async Task A_server_that_answers_nothing_but_503_is_asked_with_pauses()
    {
        AddWeb("web-1");
        await using RoutedForward forward = await StartAsync("svc/web");
        using IDisposable down = _cluster.Faults.Always(_ => true, RequestFault.Status(503));
        _cluster.Tunnels.CutAll();
        _cluster.Objects.EndWatches();
        await _time.AdvanceUntilAsync(() => forward.Events.OfType<PodLost>().Any());

        await PassAnHourAsync();

        Asked("/services/web").Should().BeInRange(10, 125);
        Asked("/pods").Should().BeInRange(10, 600);
        Asked("/portforward").Should().BeInRange(10, 600);
    }

    private TestPod AddWeb(string name) => _cluster.Pods.Add(TestPod.Probe(name).Label("app", "web"));

    private Task<RoutedForward> StartAsync(string target) =>
        RoutedForward.StartAsync(_cluster, target, ["7000"], new PodRouterOptions { Time = _time, ReconnectTimeout = TimeSpan.FromDays(1) });

    private int Asked(string pathEnd) => _cluster.Requests.Count(request => request.Path.EndsWith(pathEnd, StringComparison.Ordinal));

    /// <summary>Lets an hour pass, in steps that are short enough for all that is due, and gives the network the time to answer.</summary>
    private async Task PassAnHourAsync()
    {
        for (int seconds = 0; seconds < 3600; seconds += 5)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
            await Task.Delay(5);
        }
    }
}
