using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Api;
using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;
using PortForward.Testing;
using PortForward.Testing.Api;
using PortForward.Testing.Applications;
using PortForward.Testing.PortForwarding;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Cluster.Tests.Routing;

/// <summary>A forward that follows its target through all that happens to pods, servers and networks.</summary>
public sealed class PodRouterTests : IAsyncLifetime
{
    private TestCluster _cluster = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true });
        _cluster.PortForwarding.GraceAfterFirstEnd = TimeSpan.FromMilliseconds(20);
        _cluster.Add(TestObjects.Deployment("web", "app=web"));
        _cluster.Add(TestObjects.Service("web", "app=web", new ServicePort(80, "http", "web")));
    }

    public async Task DisposeAsync()
    {
        _cluster.Tunnels.Violations.Should().BeEmpty();
        await _cluster.DisposeAsync();
    }

    [Fact]
    public async Task New_connections_avoid_a_terminating_pod_and_old_ones_stay()
    {
        TestPod first = AddWeb("web-1");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["8080", "7000"]);
        using Socket old = await forward.ConnectAsync(1);
        await RoutedForward.EchoAsync(old, "before");

        AddWeb("web-2");
        first.Terminating();
        PodSwitched switched = await forward.EventAsync<PodSwitched>();

        switched.Should().Be(new PodSwitched("web-1", "web-2", "is terminating"));
        (await forward.WhoAnswersAsync()).Should().Contain("web-2");
        await RoutedForward.EchoAsync(old, "still there");
        first.OpenConnections.Should().Be(1);
        forward.Events.OfType<PodLost>().Should().BeEmpty();
    }

    [Fact]
    public async Task A_forward_is_ready_when_the_server_has_accepted_and_ends_when_nothing_gets_through()
    {
        AddWeb("web-1");
        var dialer = new AcceptedDialer();
        using var invoker = new HttpMessageInvoker(new RoutedForward.BearerHandler(_cluster.Admin.Token, new ConnectionCount()));
        var api = new ApiClient(invoker, _cluster.Server);
        ResolvedTarget target = await new TargetResolver(api).ResolveAsync(
            TargetReference.Parse("pod/web-1"), "default", [PortSpec.Parse("8080")], TimeSpan.FromSeconds(10), progress: null, CancellationToken.None);
        await using var router = new PodRouter(api, target, _ => dialer);
        Task<TunnelFault?> ready = router.ConnectAsync(CancellationToken.None);

        ready.IsCompleted.Should().BeFalse("nothing was accepted yet");
        dialer.Accept.SetResult();
        (await ready.Soon()).Should().BeNull();
        Task<Attempt<RoutedPair>> held = router.OpenPairAsync(new PairRequest(0, default), CancellationToken.None).AsTask();
        router.Completion.IsCompleted.Should().BeFalse();
        dialer.Outcome.SetResult(new Attempt<ITunnel>(new TunnelFault(TunnelFaultKind.BadUpgrade, "no transport works")));

        (await router.Completion.Soon()).Message.Should().Be("no transport works");
        (await held.Soon()).Fault.Should().NotBeNull();
    }

    [Fact]
    public async Task A_router_that_has_connected_has_nothing_to_do_when_it_is_asked_again()
    {
        AddWeb("web-1");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["7000"]);
        await forward.EchoOnceAsync("before");

        (await forward.Router.ConnectAsync(CancellationToken.None).Soon()).Should().BeNull();

        await forward.EchoOnceAsync("after");
        await _cluster.Activity.WaitUntilAsync(now => now.Watches == 1);
    }

    [Fact]
    public async Task A_port_can_be_added_and_is_found_again_in_each_pod()
    {
        TestPod first = AddWeb("web-1");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "svc/web", ["80"]);
        int missing = forward.Router.IndexOf(PortSpec.Parse("81"));
        int byName = forward.Router.IndexOf(PortSpec.Parse("http"));
        (missing, byName).Should().Be((1, 2));
        forward.Router.IndexOf(PortSpec.Parse("http")).Should().Be(byName);

        (await OpenAsync(missing)).Fault!.Message.Should().Be("Service web does not have a service port 81");
        await (await OpenAsync(byName)).Value.Pair.DisposeAsync();

        AddWeb("web-2");
        first.Terminating();
        await forward.EventAsync<PodSwitched>();
        Attempt<RoutedPair> opened = await OpenAsync(byName);
        opened.Fault.Should().BeNull();
        await opened.Value.Pair.DisposeAsync();

        async Task<Attempt<RoutedPair>> OpenAsync(int index) =>
            await forward.Router.OpenPairAsync(new PairRequest(0, default) { PortIndex = index }, CancellationToken.None).Soon();
    }

    /// <summary>A dialer that is accepted and proven when the test says so.</summary>
    private sealed class AcceptedDialer : ITunnelDialer
    {
        public TaskCompletionSource Accept { get; } = new();

        public TaskCompletionSource<Attempt<ITunnel>> Outcome { get; } = new();

        public string Transport => "test";

        public Task Accepted => Accept.Task;

        public Task<Attempt<ITunnel>> DialAsync(CancellationToken cancellationToken) => Outcome.Task.WaitAsync(cancellationToken);
    }

    [Fact]
    public async Task A_pod_that_is_not_ready_any_more_is_replaced_by_one_that_is()
    {
        TestPod first = AddWeb("web-1");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "svc/web", ["80"]);
        AddWeb("web-2");

        first.Ready(false);

        (await forward.EventAsync<PodSwitched>()).To.Should().Be("web-2");
        (await forward.WhoAnswersAsync()).Should().Contain("web-2");
    }

    [Fact]
    public async Task A_connection_waits_for_the_successor_of_the_only_pod()
    {
        TestPod first = AddWeb("web-1");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["8080"]);
        first.Delete();
        await forward.EventAsync<PodLost>();

        Task<string> held = forward.WhoAnswersAsync();
        TestPod starting = TestPod.Probe("web-2").Label("app", "web").Ready(false);
        _cluster.Pods.Add(starting);
        await forward.Router.OpenPairAsync(new PairRequest(8080, default), new CancellationToken(canceled: true)).AsTask()
            .Invoking(open => open).Should().ThrowAsync<OperationCanceledException>("a pod that is not ready is not used at once");
        starting.Ready();

        (await held).Should().Contain("web-2");
        (await forward.EventAsync<PodBack>()).Pod.Should().Be("web-2");
        forward.Events.OfType<PodLost>().Single().Should().Be(new PodLost("web-1", "was deleted or taken out of deployment/web", Hint: null));
    }

    [Fact]
    public async Task A_pod_of_the_same_name_is_the_pod_again()
    {
        TestPod first = _cluster.Pods.Add(TestPod.Probe("db-0"));
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "pod/db-0", ["7000"]);
        await forward.EchoOnceAsync("one");
        first.Delete();
        await forward.EventAsync<PodLost>();

        _cluster.Pods.Add(TestPod.Probe("db-0"));

        await forward.EchoOnceAsync("two");
        (await forward.EventAsync<PodBack>()).Pod.Should().Be("db-0");
    }

    [Fact]
    public async Task Ports_are_translated_anew_for_the_next_pod()
    {
        TestPod first = _cluster.Pods.Add(TestPod.Named("web-1").Label("app", "web").Port("echo", 7100).Serves(7100, TestApplications.Echo));
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["echo"]);
        await forward.EchoOnceAsync("one");

        first.Delete();
        _cluster.Pods.Add(TestPod.Named("web-2").Label("app", "web").Port("echo", 7200).Serves(7200, TestApplications.Echo));

        await forward.EchoOnceAsync("two");
    }

    [Fact]
    public async Task A_port_that_the_next_pod_does_not_have_fails_alone_and_with_a_reason()
    {
        TestPod first = _cluster.Pods.Add(TestPod.Named("web-1").Label("app", "web")
            .Port("echo", 7100).Serves(7100, TestApplications.Echo).Port("more", 7101).Serves(7101, TestApplications.Echo));
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["echo", "more"]);
        first.Delete();
        _cluster.Pods.Add(TestPod.Named("web-2").Label("app", "web").Port("echo", 7200).Serves(7200, TestApplications.Echo));

        await forward.EchoOnceAsync("served");
        (await forward.ConnectAsync(1).IsResetAsync()).Should().BeTrue();

        await Waiting.UntilAsync(() => forward.Events.OfType<ConnectionClosed>().Any(closed => closed.End.Kind == ConnectionEndKind.NoTunnel));
        (await forward.EventAsync<ConnectionClosed>()).Should().NotBeNull();
        forward.Events.OfType<ConnectionClosed>().Should().ContainSingle(closed => closed.End.Kind == ConnectionEndKind.NoTunnel)
            .Which.End.Fault!.Message.Should().Be("Pod 'web-2' does not have a named port 'more'");
    }

    [Fact]
    public async Task A_connection_that_one_pod_refuses_is_begun_anew_on_another_with_every_byte_once()
    {
        TestPod refusing = AddWeb("web-1");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["7000"]);
        AddWeb("web-2");
        await Waiting.UntilAsync(() => forward.Router.KnownPodCount == 2);
        refusing.Applications.Stop(RoutedForward.Echo);

        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => forward.EchoOnceAsync($"precious {i} {new string('x', 20_000)}")));

        await Waiting.UntilAsync(() => forward.Events.OfType<ConnectionClosed>().Count() == 10);
        forward.Events.OfType<ConnectionClosed>().Should().OnlyContain(closed => closed.End.Kind != ConnectionEndKind.PodFailed);
    }

    [Fact]
    public async Task A_port_that_every_pod_refuses_is_refused()
    {
        AddWeb("web-1");
        AddWeb("web-2");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", [$"{RoutedForward.Refused}"]);

        (await forward.ConnectAsync().IsResetAsync("hello"u8.ToArray())).Should().BeTrue();

        ConnectionClosed closed = await forward.EventAsync<ConnectionClosed>();
        closed.End.Kind.Should().Be(ConnectionEndKind.PodFailed);
        closed.End.PodMessage.Should().Contain("refused");
    }

    [Fact]
    public async Task A_connection_to_a_target_without_pods_is_reset_when_it_has_waited_long_enough()
    {
        TestPod first = AddWeb("web-1");
        var options = new PodRouterOptions { HoldTimeout = TimeSpan.FromMilliseconds(300) };
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["7000"], options);
        first.Delete();
        await forward.EventAsync<PodLost>();

        (await forward.ConnectAsync().IsResetAsync()).Should().BeTrue();

        ConnectionClosed closed = await forward.EventAsync<ConnectionClosed>();
        closed.End.Fault!.Message.Should().Be("deployment/web has no running pod");
        forward.Run.IsCompleted.Should().BeFalse("the listener stays");
    }

    [Fact]
    public async Task Without_reconnect_a_lost_pod_is_the_end()
    {
        TestPod pod = _cluster.Pods.Add(TestPod.Probe("solo"));
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", ["7000"], new PodRouterOptions { Reconnect = false });

        pod.Delete();

        await FluentActions.Awaiting(() => forward.Run.Soon()).Should().ThrowAsync<PortForwardException>().WithMessage("lost connection to pod");
    }

    [Fact]
    public async Task Without_reconnect_a_lost_connection_is_the_end()
    {
        _cluster.Pods.Add(TestPod.Probe("solo"));
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", ["7000"], new PodRouterOptions { Reconnect = false });

        _cluster.Tunnels.CutAll();

        await FluentActions.Awaiting(() => forward.Run.Soon()).Should().ThrowAsync<PortForwardException>().WithMessage("lost connection to pod");
    }

    [Fact]
    public async Task A_pod_that_does_not_come_back_ends_the_forward_with_a_hint_at_its_owner()
    {
        TestPod pod = _cluster.Pods.Add(TestPod.Probe("web-5f-1").Label("pod-template-hash", "5f").OwnedBy("apps/v1", "ReplicaSet", "web-5f"));
        var options = new PodRouterOptions { ReconnectTimeout = TimeSpan.FromMilliseconds(200) };
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "web-5f-1", ["7000"], options);

        pod.Delete();

        await FluentActions.Awaiting(() => forward.Run.Soon()).Should().ThrowAsync<PortForwardException>()
            .WithMessage("lost connection to pod: pod web-5f-1 is gone, and none came within 200ms (use deploy/web to follow the workload)");
        forward.Events.OfType<PodLost>().Single().Hint.Should().Be("use deploy/web to follow the workload");
    }

    [Fact]
    public async Task A_server_that_is_away_is_no_missing_pod_and_no_reason_for_another_target()
    {
        _cluster.Pods.Add(TestPod.Probe("web-5f-1").Label("pod-template-hash", "5f").OwnedBy("apps/v1", "ReplicaSet", "web-5f"));
        var options = new PodRouterOptions { ReconnectTimeout = TimeSpan.FromMilliseconds(200) };
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "web-5f-1", ["7000"], options);
        using IDisposable down = _cluster.Faults.Always(request => true, RequestFault.Cut);

        _cluster.Tunnels.CutAll();

        await FluentActions.Awaiting(() => forward.Run.Soon()).Should().ThrowAsync<PortForwardException>()
            .WithMessage("lost connection to pod: pod web-5f-1 cannot be reached: *, and was not within 200ms");
        PodLost lost = forward.Events.OfType<PodLost>().Single();
        (lost.Hint, lost.Cause).Should().Be((null, LossCause.ServerUnreachable));
    }

    [Fact]
    public async Task A_connection_that_has_waited_for_a_server_that_does_not_answer_is_told_so()
    {
        AddWeb("web-1");
        var options = new PodRouterOptions { HoldTimeout = TimeSpan.FromMilliseconds(300) };
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "svc/web", ["80"], options);
        using IDisposable hanging = _cluster.Faults.Always(request => true, RequestFault.Hang);
        int asked = UpgradeCount();
        _cluster.Tunnels.CutAll();
        await Waiting.UntilAsync(() => UpgradeCount() > asked);

        Attempt<RoutedPair> opened = await forward.Router.OpenPairAsync(new PairRequest(8080, default), CancellationToken.None);

        opened.Fault!.Message.Should().Be("pod web-1 cannot be reached: the server does not answer");
    }

    [Fact]
    public async Task Tunnels_that_are_cut_are_replaced_without_a_word()
    {
        _cluster.Pods.Add(TestPod.Probe("solo"));
        var options = new PodRouterOptions { Tunnels = new TunnelPoolOptions { MinimumIdle = 0 } };
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", ["7000"], options);
        for (int i = 0; i < 5; i++)
        {
            await forward.EchoOnceAsync($"round {i}");
            int opened = _cluster.Activity.TunnelsOpened;
            _cluster.Tunnels.CutAll();
            await _cluster.Activity.WaitUntilAsync(now => now.Tunnels >= 1 && _cluster.Activity.TunnelsOpened > opened);
        }

        forward.Events.OfType<PodLost>().Should().BeEmpty();
    }

    [Fact]
    public async Task A_tunnel_that_ends_before_anybody_knows_of_it_is_replaced_like_any_other()
    {
        _cluster.Pods.Add(TestPod.Probe("solo"));
        var invoker = new HttpMessageInvoker(new RoutedForward.BearerHandler(_cluster.Admin.Token, new ConnectionCount()));
        var dialer = new WebSocketTunnelDialer(invoker, new Uri(_cluster.Server, "api/v1/namespaces/default/pods/solo/portforward"));
        var spoilt = new TaskCompletionSource();
        await using RoutedForward forward = await RoutedForward.StartAsync(invoker, _cluster.Server, _ => new LateDialer(dialer, spoilt.Task), "solo", ["7000"]);
        _cluster.Transports.WebSocketTunnel = TransportAnswer.CloseAfterUpgrade;
        spoilt.SetResult();
        int asked = UpgradeCount();

        _cluster.Tunnels.CutAll();

        await Waiting.UntilAsync(() => UpgradeCount() >= asked + 3);
        _cluster.Transports.WebSocketTunnel = TransportAnswer.Serve;
        await _cluster.Activity.WaitUntilAsync(now => now.Tunnels >= 1, Waiting.Patience);
    }

    [Fact]
    public async Task A_server_that_is_down_is_told_once_and_connections_wait_for_it()
    {
        _cluster.Pods.Add(TestPod.Probe("solo"));
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", ["7000"]);
        IDisposable down = _cluster.Faults.Always(request => true, RequestFault.Cut);
        _cluster.Tunnels.CutAll();

        (await forward.EventAsync<PodLost>()).Reason.Should().StartWith("cannot be reached: ");
        Task held = forward.EchoOnceAsync("patient");
        down.Dispose();
        await held;

        await forward.EventAsync<PodBack>();
        forward.Events.OfType<PodLost>().Should().ContainSingle();
    }

    [Fact]
    public async Task A_network_that_is_frozen_is_noticed_while_nothing_is_connected()
    {
        _cluster.Pods.Add(TestPod.Probe("solo"));
        var options = new PodRouterOptions { Tunnels = new TunnelPoolOptions { DialTimeout = TimeSpan.FromSeconds(1) } };
        var dialOptions = new TunnelDialOptions { LivenessTimeout = TimeSpan.FromMilliseconds(600) };
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", ["7000"], options, dialOptions: dialOptions);
        IDisposable frozen = _cluster.Faults.Always(request => true, RequestFault.Hang);
        _cluster.Tunnels.FreezeAll();

        await forward.EventAsync<PodLost>();
        frozen.Dispose();
        _cluster.Tunnels.ThawAll();

        await forward.EchoOnceAsync("thawed");
        await forward.EventAsync<PodBack>();
    }

    [Theory]
    [InlineData(401)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task A_server_that_refuses_for_a_while_is_asked_again(int status)
    {
        _cluster.Pods.Add(TestPod.Probe("solo"));
        var options = new PodRouterOptions { Tunnels = new TunnelPoolOptions { MinimumIdle = 0 } };
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", ["7000"], options);
        _cluster.Faults.Next(request => request.Path.EndsWith("/portforward", StringComparison.Ordinal), RequestFault.Status(status), times: 3);
        int asked = UpgradeCount();
        _cluster.Tunnels.CutAll();
        await Waiting.UntilAsync(() => UpgradeCount() > asked);

        await forward.EchoOnceAsync("patient");
    }

    [Fact]
    public async Task With_the_right_to_the_pod_alone_a_forward_still_comes_back()
    {
        TestUser user = _cluster.Users.Add("narrow");
        _cluster.Access.AllowOnly("narrow", ("get", "pods"), ("create", "pods/portforward"), ("get", "pods/portforward"));
        TestPod first = _cluster.Pods.Add(TestPod.Probe("solo"));
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", ["7000"], user: user);
        await forward.EchoOnceAsync("one");

        first.Delete();
        _cluster.Tunnels.CutAll();
        await forward.EventAsync<PodLost>();
        _cluster.Pods.Add(TestPod.Probe("solo"));

        await forward.EchoOnceAsync("two");
    }

    [Fact]
    public async Task Balanced_connections_go_to_all_ready_pods_and_follow_them()
    {
        TestPod[] pods = [AddWeb("web-1"), AddWeb("web-2"), AddWeb("web-3")];
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "svc/web", ["80"], new PodRouterOptions { Balance = true });
        (await forward.EventAsync<PodsServing>()).Pods.Should().Equal("web-1", "web-2", "web-3");

        var answers = new List<string>();
        for (int i = 0; i < 12; i++)
        {
            answers.Add(await forward.WhoAnswersAsync());
        }

        answers.Distinct(StringComparer.Ordinal).Should().HaveCount(3);
        pods[0].Delete();
        pods[1].Ready(false);
        AddWeb("web-4");
        while (forward.Events.OfType<PodsServing>().Last().Pods is not ["web-3", "web-4"])
        {
            (await forward.WhoAnswersAsync()).Should().NotBeEmpty("no connection is refused while pods come and go");
        }
    }

    [Fact]
    public async Task Connections_that_stay_are_balanced_by_their_number()
    {
        TestPod[] pods = [AddWeb("web-1"), AddWeb("web-2"), AddWeb("web-3")];
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["7000"], new PodRouterOptions { Balance = true });
        await forward.EventAsync<PodsServing>();
        List<Socket> clients = [];
        for (int i = 0; i < 9; i++)
        {
            clients.Add(await forward.ConnectAsync());
            await RoutedForward.EchoAsync(clients[i], "hello");
        }

        pods.Select(pod => pod.OpenConnections).Should().Equal(3, 3, 3);
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task A_connection_that_died_silently_with_its_pod_is_reset()
    {
        TestPod silent = _cluster.Pods.Add(TestPod.Named("web-1").Label("app", "web")
            .Serves(7100, async (connection, stopping) => await Task.Delay(Timeout.InfiniteTimeSpan, CancellationToken.None)));
        AddWeb("web-2");
        var time = new FakeTimeProvider();
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "pod/web-1", ["7100"], new PodRouterOptions { Time = time });
        using Socket client = await forward.ConnectAsync();
        await client.SendAsync("question"u8.ToArray());
        await Waiting.UntilAsync(() => silent.OpenConnections == 1);

        _cluster.Objects.Delete("pods", "default", "web-1");

        Func<Task> read = () => time.AdvanceUntilAsync(client.ReceiveAsync(new byte[1]));
        await read.Should().ThrowAsync<SocketException>();
    }

    [Fact]
    public async Task A_service_that_selects_other_pods_is_followed()
    {
        TestPod blue = AddWeb("web-blue");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "svc/web", ["80"]);
        _cluster.Pods.Add(TestPod.Probe("green").Label("app", "green"));
        _cluster.Add(TestObjects.Service("web", "app=green", new ServicePort(80, "http", "web")));

        blue.Delete();

        (await forward.WhoAnswersAsync()).Should().Contain("green");
    }

    [Fact]
    public async Task A_service_that_selects_other_pods_is_followed_while_the_old_ones_live()
    {
        var time = new FakeTimeProvider();
        AddWeb("web-blue");
        _cluster.Add(TestObjects.Service("web", "app=web", new ServicePort(80, "http", "web"), new ServicePort(7000, "echo", "echo")));
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "svc/web", ["80", "7000"], new PodRouterOptions { Time = time });
        using Socket old = await forward.ConnectAsync(1);
        await RoutedForward.EchoAsync(old, "before");
        _cluster.Pods.Add(TestPod.Probe("green").Label("app", "green"));
        _cluster.Add(TestObjects.Service("web", "app=green", new ServicePort(80, "http", "web"), new ServicePort(7000, "echo", "echo")));

        await time.AdvanceUntilAsync(() => forward.Events.OfType<PodSwitched>().Any(), TimeSpan.FromSeconds(5));

        forward.Events.OfType<PodSwitched>().Should().Equal(new PodSwitched("web-blue", "green", "was deleted or taken out of service/web"));
        (await forward.WhoAnswersAsync()).Should().Contain("green");
        await RoutedForward.EchoAsync(old, "still there");
    }

    [Fact]
    public async Task A_pod_that_is_taken_out_of_its_service_keeps_its_connections()
    {
        var time = new FakeTimeProvider();
        TestPod first = AddWeb("web-1");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["7000"], new PodRouterOptions { Time = time });
        using Socket old = await forward.ConnectAsync();
        await RoutedForward.EchoAsync(old, "before");
        AddWeb("web-2");

        first.Label("app", "quarantine");
        (await forward.EventAsync<PodSwitched>()).Reason.Should().Be("was deleted or taken out of deployment/web");
        int asked = LookUps();
        await time.AdvanceUntilAsync(() => LookUps() >= asked + 2, TimeSpan.FromSeconds(5));

        await RoutedForward.EchoAsync(old, "still there");

        int LookUps() => _cluster.Requests.Count(request => request.Path.EndsWith("/pods/web-1", StringComparison.Ordinal));
    }

    private int UpgradeCount() => _cluster.Requests.Count(request => request.Path.EndsWith("/portforward", StringComparison.Ordinal));

    private TestPod AddWeb(string name) => _cluster.Pods.Add(TestPod.Probe(name).Label("app", "web"));

    /// <summary>A dialer whose tunnels, once that is asked for, have ended before they are handed out if they ever end by themselves.</summary>
    private sealed class LateDialer(ITunnelDialer inner, Task spoilt) : ITunnelDialer
    {
        public string Transport => inner.Transport;

        public async Task<Attempt<ITunnel>> DialAsync(CancellationToken cancellationToken)
        {
            Attempt<ITunnel> dialled = await inner.DialAsync(cancellationToken);
            if (dialled.Value is { } tunnel && spoilt.IsCompleted && !await tunnel.PingAsync(cancellationToken))
            {
                await tunnel.Completion.WaitAsync(cancellationToken);
            }

            return dialled;
        }
    }
}
