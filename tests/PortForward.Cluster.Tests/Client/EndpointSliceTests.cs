using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using PortForward.Cluster.Routing;
using PortForward.Forwarding;
using PortForward.Testing;
using PortForward.Testing.Applications;

namespace PortForward.Cluster.Tests.Client;

/// <summary>Services without a selector, which lead where their endpoint slices say: a database that fails over.</summary>
public sealed class EndpointSliceTests : ClusterClientTestBase
{
    private const string NoSelector = "invalid service 'db': Service is defined without a selector, so it has no pods to forward to";

    private static readonly ServicePort[] Ports = [new(5432, "pg", "5433"), new(9187, "metrics", "9188")];

    /// <summary>A second is promised; a machine that does other things at the same time needs more.</summary>
    private static readonly TimeSpan Promptly = TimeSpan.FromSeconds(10);

    private readonly ConcurrentQueue<ForwardEvent> _events = [];

    private TestPod AddDatabase(string name, string @namespace = "default") => Cluster.Pods.Add(
        TestPod.Named(name).In(@namespace).Serves(5433, Name($"{name}, the database")).Serves(9188, Name($"{name}, the metrics")).Serves(Echo, TestApplications.Echo));

    private void AddService() => Cluster.Add(TestObjects.Service("db", selector: null, Ports));

    private void Slice(string name, params TestEndpoint[] endpoints) => Cluster.Add(TestObjects.EndpointSlice(name, "db", Ports, endpoints));

    private Task<Forward> StartAsync(ForwardOptions? options = null, params string[] ports) =>
        Client.ForwardAsync("svc/db", ports is [] ? [":5432"] : ports, (options ?? new ForwardOptions()) with { OnEvent = _events.Enqueue }).Soon();

    private static async Task<string> WhoAnswersAsync(Forward forward, int port = 0)
    {
        await using var stream = new NetworkStream(await ConnectAsync(forward, port), ownsSocket: true);
        return await ReadToEndAsync(stream);
    }

    private async Task<string> RefusalAsync(string port = ":5432") =>
        (await FluentActions.Awaiting(() => Client.ForwardAsync("svc/db", port).Soon()).Should().ThrowAsync<ClusterException>()).Which.Message;

    /// <summary>How long it takes until new connections get an answer.</summary>
    private static async Task<TimeSpan> UntilAnswersAsync(Forward forward, string answer)
    {
        long began = Stopwatch.GetTimestamp();
        while (await WhoAnswersAsync(forward) != answer)
        {
            Stopwatch.GetElapsedTime(began).Should().BeLessThan(Waiting.Patience);
        }

        return Stopwatch.GetElapsedTime(began);
    }

    [Fact]
    public async Task New_connections_follow_a_slice_that_moves_within_a_second_and_old_ones_stay()
    {
        TestPod a = AddDatabase("db-a"), b = AddDatabase("db-b");
        Cluster.Add(TestObjects.Service("db", selector: null, new ServicePort(5432, "pg", "5433"), new ServicePort(7, "echo")));
        ServicePort[] ports = [new(5432, "pg", "5433"), new(7, "echo", $"{Echo}")];
        Cluster.Add(TestObjects.EndpointSlice("db-1", "db", ports, [TestEndpoint.Of(a)]));
        await using Forward forward = await StartAsync(ports: [":pg", ":echo"]);
        (await WhoAnswersAsync(forward)).Should().Be("db-a, the database");
        await using var old = new NetworkStream(await ConnectAsync(forward, 1), ownsSocket: true);
        await EchoAsync(old, "before");
        await Cluster.Activity.WaitUntilAsync(now => now.Watches == 2);

        Cluster.Add(TestObjects.EndpointSlice("db-1", "db", ports, [TestEndpoint.Of(b)]));

        (await UntilAnswersAsync(forward, "db-b, the database")).Should().BeLessThan(Promptly);
        await EchoAsync(old, "after");
        await Waiting.UntilAsync(() => a.OpenConnections == 1 && forward.State == ForwardState.Ready && _events.OfType<PodSwitched>().Any());
        _events.OfType<PodSwitched>().Should().ContainSingle().Which.Should().BeEquivalentTo(
            new { From = "db-a", To = "db-b", Reason = "is not where service/db leads any more" });
        _events.OfType<PodLost>().Should().BeEmpty();
    }

    [Fact]
    public async Task A_database_that_dies_is_replaced_by_the_one_that_the_slice_names_next()
    {
        TestPod a = AddDatabase("db-a"), b = AddDatabase("db-b");
        AddService();
        Slice("db-1", TestEndpoint.Of(a));
        await using Forward forward = await StartAsync();

        a.Delete();
        await Waiting.UntilAsync(() => forward.State == ForwardState.Lost);
        Slice("db-1", TestEndpoint.Of(b, ready: true));

        (await UntilAnswersAsync(forward, "db-b, the database")).Should().BeLessThan(Promptly);
        await Waiting.UntilAsync(() => forward.State == ForwardState.Ready);
    }

    [Fact]
    public async Task A_ready_endpoint_is_used_though_its_pod_is_not_ready_yet()
    {
        TestPod a = AddDatabase("db-a"), b = AddDatabase("db-b").Ready(false);
        AddService();
        Slice("db-1", TestEndpoint.Of(a));
        await using Forward forward = await StartAsync();

        Slice("db-1", TestEndpoint.Of(b));

        (await UntilAnswersAsync(forward, "db-b, the database")).Should().BeLessThan(Promptly);
    }

    [Fact]
    public async Task Without_the_right_to_watch_slices_they_are_listed_again_and_again()
    {
        Cluster.Access.Deny("*", "watch", "endpointslices");
        TestPod a = AddDatabase("db-a"), b = AddDatabase("db-b");
        AddService();
        Slice("db-1", TestEndpoint.At(a));
        await using Forward forward = await StartAsync();
        (await WhoAnswersAsync(forward)).Should().Be("db-a, the database");

        Slice("db-1", TestEndpoint.At(b));

        (await UntilAnswersAsync(forward, "db-b, the database")).Should().BeLessThan(TimeSpan.FromSeconds(15));
    }

    [Fact]
    public async Task Slices_in_two_parts_are_one_set_and_ready_endpoints_come_first()
    {
        TestPod a = AddDatabase("db-a"), b = AddDatabase("db-b");
        AddService();
        Slice("db-1", TestEndpoint.Of(a, ready: false, serving: true, terminating: true));
        Slice("db-2", TestEndpoint.Of(b, ready: true));
        await using Forward forward = await StartAsync();
        (await WhoAnswersAsync(forward)).Should().Be("db-b, the database");

        Slice("db-1", TestEndpoint.Of(a, ready: true));
        Slice("db-2");

        (await UntilAnswersAsync(forward, "db-a, the database")).Should().BeLessThan(Promptly);
    }

    [Fact]
    public async Task All_ready_endpoints_of_all_slices_are_balanced()
    {
        TestPod a = AddDatabase("db-a"), b = AddDatabase("db-b"), c = AddDatabase("db-c");
        AddService();
        Slice("db-1", TestEndpoint.Of(a), TestEndpoint.At(b));
        Slice("db-2", TestEndpoint.Of(c, ready: false));
        await using Forward forward = await StartAsync(new ForwardOptions { Balance = true });
        await Waiting.UntilAsync(() => _events.OfType<PodsServing>().Any());

        string[] answers = [await WhoAnswersAsync(forward), await WhoAnswersAsync(forward)];

        answers.Should().BeEquivalentTo("db-a, the database", "db-b, the database");
    }

    [Fact]
    public async Task Ports_are_found_by_name_in_each_pods_slices_and_without_a_name_without_one()
    {
        TestPod a = AddDatabase("db-a"), b = AddDatabase("db-b");
        AddService();
        Slice("db-1", TestEndpoint.Of(a));
        await using Forward forward = await StartAsync(ports: [":9187", ":pg"]);
        (await WhoAnswersAsync(forward)).Should().Be("db-a, the metrics");
        (await WhoAnswersAsync(forward, 1)).Should().Be("db-a, the database");
        forward.Ports.Select(port => (port.Name, port.Number)).Should().Equal(("metrics", 9187), ("pg", 5432));

        // The same pod, and then another one, under other numbers.
        Cluster.Add(TestObjects.EndpointSlice("db-1", "db", [new(1, "metrics", "5433"), new(2, "pg", "9188")], [TestEndpoint.Of(a)]));
        await UntilAnswersAsync(forward, "db-a, the database");
        Cluster.Add(TestObjects.EndpointSlice("db-1", "db", [new(1, "metrics", "9188"), new(2, "pg", "9188")], [TestEndpoint.Of(b)]));
        await UntilAnswersAsync(forward, "db-b, the metrics");

        Cluster.Add(TestObjects.Service("lone", selector: null, new ServicePort(5432)));
        Cluster.Add(TestObjects.EndpointSlice("lone-1", "lone", [new(5432, null, "5433")], [TestEndpoint.Of(a)]));
        await using PodStream lone = await Client.DialAsync("svc/lone", "5432").Soon();
        (await ReadToEndAsync(lone)).Should().Be("db-a, the database");
    }

    [Fact]
    public async Task A_port_that_no_slice_has_is_refused_with_its_name()
    {
        AddService();
        Cluster.Add(TestObjects.EndpointSlice("db-1", "db", [new(5432, null, "5433")], [TestEndpoint.Of(AddDatabase("db-a"))]));

        (await RefusalAsync()).Should().Be("no endpoint slice that leads to pod db-a has a port named 'pg', as port 5432 of service db is: add it to the slice");
        (await RefusalAsync(":80")).Should().Be("Service db does not have a service port 80");
    }

    [Fact]
    public async Task A_port_without_a_number_in_the_slice_is_the_services_target_port()
    {
        AddService();
        Cluster.Add(TestObjects.EndpointSlice("db-1", "db", [new(5432, "pg")], [TestEndpoint.Of(AddDatabase("db-a"))]));

        await using Forward forward = await StartAsync();

        (await WhoAnswersAsync(forward)).Should().Be("db-a, the database");
    }

    [Fact]
    public async Task An_address_outside_is_told_and_not_followed()
    {
        AddService();
        Slice("db-1", new TestEndpoint("10.9.9.9"));

        (await RefusalAsync()).Should().Be(
            "service/db goes to 10.9.9.9, which is no pod of namespace default: only pods can be forwarded to, so connect to that address itself");
    }

    [Fact]
    public async Task A_pod_of_another_namespace_is_told_and_not_followed()
    {
        Cluster.Add(TestObjects.Namespace("data"));
        TestPod other = AddDatabase("db-0", "data");
        AddService();
        Slice("db-1", TestEndpoint.Of(other));
        (await RefusalAsync()).Should().Be($"service/db goes to {other.Address}, which is no pod of namespace default: forward to pod/db-0 of namespace data instead");

        Slice("db-1", TestEndpoint.At(other));
        (await RefusalAsync()).Should().StartWith($"service/db goes to {other.Address}, which is no pod of namespace default: only pods");
        Cluster.Requests.Should().NotContain(request => request.IsPortForward);
    }

    [Fact]
    public async Task A_slice_that_moves_outside_loses_the_target_until_it_is_back()
    {
        TestPod a = AddDatabase("db-a");
        AddService();
        Slice("db-1", TestEndpoint.Of(a));
        await using Forward forward = await StartAsync(new ForwardOptions { HoldTimeout = TimeSpan.Zero });

        Slice("db-1", new TestEndpoint("10.9.9.9"));
        await Waiting.UntilAsync(() => forward.State == ForwardState.Lost);
        (await ConnectAsync(forward).IsResetAsync()).Should().BeTrue();

        Slice("db-1", TestEndpoint.Of(a));
        await Waiting.UntilAsync(() => forward.State == ForwardState.Ready);

        (await WhoAnswersAsync(forward)).Should().Be("db-a, the database");
        _events.OfType<PodLost>().Should().ContainSingle().Which.Should().BeEquivalentTo(
            new { Pod = "db-a", Reason = "is not where service/db leads any more: that goes to 10.9.9.9, which is no pod of namespace default" });
        _events.OfType<ConnectionClosed>().Select(closed => closed.End.Fault?.Message).Should().Contain("service/db goes to 10.9.9.9, which is no pod of namespace default");
    }

    [Fact]
    public async Task Without_the_right_to_list_slices_or_without_slices_kubectls_word_stays()
    {
        AddService();
        (await RefusalAsync()).Should().Be(NoSelector);

        Slice("db-1", TestEndpoint.Of(AddDatabase("db-a")));
        Cluster.Access.Deny("*", "list", "endpointslices");
        (await RefusalAsync()).Should().Be(NoSelector);
    }

    [Fact]
    public async Task Headless_services_and_those_that_are_names_stay_without_pods()
    {
        Cluster.Add(TestObjects.Service("db", selector: null, "None", Ports));
        Slice("db-1", TestEndpoint.Of(AddDatabase("db-a")));
        (await RefusalAsync()).Should().Be(NoSelector);

        System.Text.Json.Nodes.JsonObject named = TestObjects.Service("db", selector: null, "", Ports);
        named["spec"]!["type"] = "ExternalName";
        named["spec"]!["externalName"] = "db.example.com";
        Cluster.Add(named);
        (await RefusalAsync()).Should().Be(NoSelector);

        Cluster.Requests.Should().NotContain(request => request.Path.Contains("endpointslices", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_service_with_a_selector_is_asked_for_no_slices()
    {
        AddWeb("web-1");

        await using Forward forward = await Client.ForwardAsync("svc/web", ":echo").Soon();

        Cluster.Requests.Should().NotContain(request => request.Path.Contains("endpointslices", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_start_waits_for_the_pod_that_a_slice_will_name()
    {
        AddService();
        Slice("db-1");
        Task<Forward> starting = StartAsync();
        await Waiting.UntilAsync(() => _events.OfType<PodAwaited>().Any());
        _events.OfType<PodAwaited>().Single().Reason.Should().Be("waiting for a pod of service/db (none of its endpoint slices leads to a pod yet)");

        Slice("db-1", TestEndpoint.Of(AddDatabase("db-a")));

        await using Forward forward = await starting;
        (await WhoAnswersAsync(forward)).Should().Be("db-a, the database");
    }

    [Fact]
    public async Task A_service_that_gets_a_selector_is_followed_by_it_from_then_on()
    {
        TestPod a = AddDatabase("db-a"), b = AddDatabase("db-b").Label("app", "db");
        AddService();
        Slice("db-1", TestEndpoint.Of(a));
        await using Forward forward = await StartAsync();
        Cluster.Add(TestObjects.Service("db", "app=db", Ports));

        a.Delete(); // The target is lost, and so read again soon.
        await Waiting.UntilAsync(() => forward.State == ForwardState.Ready && _events.OfType<PodBack>().Any());

        (await WhoAnswersAsync(forward)).Should().Be("db-b, the database");
    }
}
