using System.Collections.Concurrent;
using PortForward.Cluster.Routing;
using PortForward.Forwarding;
using PortForward.Testing;

namespace PortForward.Cluster.Tests.Client;

/// <summary>The pods of a label selector as a target.</summary>
public sealed class SelectorTests : ClusterClientTestBase
{
    private readonly ConcurrentQueue<ForwardEvent> _events = [];

    [Fact]
    public async Task A_lost_pod_is_replaced_by_another_that_matches()
    {
        TestPod first = AddWeb("web-1");
        await using Forward forward = await Client.ForwardAsync("selector/app=web,tier!=db", [$":{Echo}", ":web"], new ForwardOptions { OnEvent = _events.Enqueue }).Soon();
        (forward.Name, forward.Target, forward.Namespace).Should().Be(("selector", "selector/app=web,tier!=db", "default"));
        forward.Ports.Select(port => (port.Name, port.Number)).Should().Equal(("echo", Echo), ("web", Http));
        await EchoOnceAsync(forward, "hello");

        Cluster.Pods.Add(TestPod.Probe("web-2").Label("app", "web").Label("tier", "db"));
        AddWeb("web-3");
        first.Delete();
        await EchoOnceAsync(forward, "again");

        await Waiting.UntilAsync(() => _events.OfType<ConnectionClosed>().Count() == 2);
        _events.OfType<ConnectionClosed>().Select(closed => closed.Pod).Should().Equal("web-1", "web-3");
        Cluster.Requests[0].Query.Should().Contain("labelSelector=app%3Dweb%2Ctier%21%3Ddb");
    }

    [Fact]
    public async Task A_pod_that_loses_the_label_serves_no_new_connection()
    {
        TestPod first = AddWeb("web-1");
        await using Forward forward = await Client.ForwardAsync("selector/app=web", [$":{Echo}"], new ForwardOptions { OnEvent = _events.Enqueue }).Soon();
        AddWeb("web-2");

        first.Label("app", "other");
        await Waiting.UntilAsync(() => _events.OfType<PodSwitched>().Any());

        _events.OfType<PodSwitched>().Single().Should().BeEquivalentTo(new { From = "web-1", To = "web-2", Reason = "was deleted or taken out of selector/app=web" });
    }

    [Fact]
    public async Task Its_pods_are_balanced_if_that_is_asked_for()
    {
        AddWeb("web-1");
        AddWeb("web-2");

        await using Forward forward = await Client.ForwardAsync("selector/app in (web)", [$":{Echo}"], new ForwardOptions { Balance = true, OnEvent = _events.Enqueue }).Soon();

        await Waiting.UntilAsync(() => _events.OfType<PodsServing>().Any(serving => serving.Pods.SequenceEqual(["web-1", "web-2"], StringComparer.Ordinal)));
    }

    [Fact]
    public async Task Streams_are_dialled_to_its_pods()
    {
        AddWeb("web-1");

        await using PodStream stream = await Client.DialAsync("selector/app=web", "echo").Soon();

        await EchoAsync(stream, "hello");
    }

    [Fact]
    public async Task A_selector_that_matches_nothing_is_waited_for_as_a_workload_without_pods()
    {
        var options = new ForwardOptions { OnEvent = _events.Enqueue, PodRunningTimeout = TimeSpan.FromSeconds(2) };

        (await FluentActions.Awaiting(() => Client.ForwardAsync("selector/app=web", [":80"], options).Soon()).Should().ThrowAsync<ClusterException>())
            .WithMessage("timed out waiting for selector/app=web after 2s: no pod of namespace default matches it");
        _events.OfType<PodAwaited>().Single().Reason.Should().Be("waiting for a pod of selector/app=web (no pod of namespace default matches it)");

        Task<Forward> starting = Client.ForwardAsync("selector/app=web", $":{Echo}").Soon();
        AddWeb("web-1");
        await using Forward forward = await starting;
        await EchoOnceAsync(forward, "hello");
    }

    [Fact]
    public async Task A_namespace_that_does_not_exist_is_not_waited_for() =>
        (await FluentActions.Awaiting(() => Client.ForwardAsync("selector/app=web", [":80"], new ForwardOptions { Namespace = "nowhere" }).Soon())
            .Should().ThrowAsync<ClusterException>()).WithMessage("Error from server (NotFound): namespaces \"nowhere\" not found");

    [Fact]
    public async Task A_malformed_selector_is_refused_before_anything_is_sent()
    {
        await FluentActions.Awaiting(() => Client.ForwardAsync("selector/app=web,", ":80")).Should()
            .ThrowAsync<FormatException>().WithMessage("invalid selector \"app=web,\": the name of a label is missing at its end");
        await FluentActions.Awaiting(() => Client.DialAsync("selector/", "80")).Should().ThrowAsync<FormatException>();

        Cluster.Requests.Should().BeEmpty();
    }
}
