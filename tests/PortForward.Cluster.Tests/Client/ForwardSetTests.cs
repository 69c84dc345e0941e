using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Routing;
using PortForward.Forwarding;
using PortForward.Testing;
using PortForward.Testing.Api;

namespace PortForward.Cluster.Tests.Client;

/// <summary>Forwards that are started together.</summary>
public sealed class ForwardSetTests : ClusterClientTestBase
{
    [Fact]
    public async Task Each_is_found_by_its_name_and_leads_to_its_own_target()
    {
        AddWeb("web-1");
        AddOther("other");

        await using ForwardSet all = await Client.ForwardAllAsync([new("svc/web", ":echo"), new("svc/other", ":echo", ":http"), new("deploy/web", ":7000")]).Soon();

        all.Select(forward => forward.Name).Should().Equal("svc-web", "other", "deploy-web");
        all.Should().OnlyContain(forward => forward.State == ForwardState.Ready);
        all["other"].Ports.Should().HaveCount(2);
        all[2].Should().BeSameAs(all["deploy-web"]);
        foreach (Forward forward in all)
        {
            await EchoOnceAsync(forward, forward.Name);
        }

        all.Invoking(set => set["nobody"]).Should().Throw<KeyNotFoundException>().WithMessage("There is no forward \"nobody\": there are svc-web, other, deploy-web.");
    }

    [Fact]
    public async Task Sixty_four_targets_of_a_namespace_take_one_look_up_each_and_one_watch_together()
    {
        const int Targets = 64;
        for (int i = 0; i < Targets; i++)
        {
            AddOther($"app-{i}");
        }

        await using ForwardSet all = await Client.ForwardAllAsync([.. Enumerable.Range(0, Targets).Select(i => new ForwardDefinition($"svc/app-{i}", ":echo"))]).Soon();

        await Cluster.Activity.WaitUntilAsync(now => now.Watches == 1);
        RecordedRequest[] lookUps =
            [.. Cluster.Requests.Where(request => !request.IsPortForward && !request.Query.Contains("watch=true", StringComparison.Ordinal))];
        lookUps.Should().HaveCount(Targets + 1, "each service is read, and the pods of the namespace are listed once");
        Cluster.Activity.ApiConnectionsAccepted.Should().BeLessThanOrEqualTo(Targets + 4 + 1 + ClusterConnection.DefaultWarmConnections);
        await Cluster.Activity.WaitUntilAsync(_ => Cluster.Activity.TunnelsOpened >= Targets);
        Cluster.Activity.TunnelsOpened.Should().Be(Targets);
        await Parallel.ForEachAsync(all, async (forward, _) => await EchoOnceAsync(forward, forward.Name));
    }

    [Fact]
    public async Task Three_targets_of_a_namespace_have_a_watch_each()
    {
        for (int i = 0; i < 3; i++)
        {
            AddOther($"app-{i}");
        }

        await using ForwardSet all = await Client.ForwardAllAsync([.. Enumerable.Range(0, 3).Select(i => new ForwardDefinition($"svc/app-{i}", ":echo"))]).Soon();

        await Cluster.Activity.WaitUntilAsync(now => now.Watches == 3);
        Cluster.Requests.Should().NotContain(request => request.Path.EndsWith("/pods", StringComparison.Ordinal) && !request.Query.Contains("labelSelector", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_shared_watch_tells_each_target_of_its_own_pods()
    {
        for (int i = 0; i < 4; i++)
        {
            AddOther($"app-{i}");
        }

        await using ForwardSet all = await Client.ForwardAllAsync([.. Enumerable.Range(0, 4).Select(i => new ForwardDefinition($"svc/app-{i}", ":echo"))]).Soon();
        await EchoOnceAsync(all["app-2"], "before");

        Cluster.Pods.Add(TestPod.Probe("app-2-next").Label("app", "app-2"));
        Cluster.Pods.Find("app-2")!.Delete();

        await EchoOnceAsync(all["app-2"], "after");
        all["app-2"].Counters.Reconnects.Should().BeLessThanOrEqualTo(1);
        all.Where(forward => forward.Name != "app-2").Should().OnlyContain(forward => forward.Counters.Reconnects == 0 && forward.State == ForwardState.Ready);
        await Cluster.Activity.WaitUntilAsync(now => now.Watches == 1);
    }

    [Fact]
    public async Task Forwards_that_come_one_by_one_share_a_watch_once_they_are_enough()
    {
        List<Forward> forwards = [];
        for (int i = 0; i < 3; i++)
        {
            AddOther($"app-{i}");
            forwards.Add(await Client.ForwardAsync($"svc/app-{i}", ":echo").Soon());
        }

        await Cluster.Activity.WaitUntilAsync(now => now.Watches == 3);
        AddOther("app-3");
        forwards.Add(await Client.ForwardAsync("svc/app-3", ":echo").Soon());
        await Cluster.Activity.WaitUntilAsync(now => now.Watches == 1);

        foreach (Forward forward in forwards)
        {
            await EchoOnceAsync(forward, forward.Name);
            await forward.DisposeAsync().Soon();
        }

        await Cluster.Activity.WaitUntilAsync(now => now.Watches == 0);
    }

    [Fact]
    public async Task Without_the_right_to_list_pods_each_pod_is_read_by_itself()
    {
        for (int i = 0; i < 5; i++)
        {
            AddOther($"app-{i}");
        }

        Cluster.Access.Deny("*", "list", "pods");
        await using ForwardSet all = await Client.ForwardAllAsync([.. Enumerable.Range(0, 5).Select(i => new ForwardDefinition($"pod/app-{i}", ":7000"))]).Soon();

        await Waiting.UntilAsync(() => Enumerable.Range(0, 5).All(i => Cluster.Requests.Count(request => request.Path == $"/api/v1/namespaces/default/pods/app-{i}") >= 2));
        await Parallel.ForEachAsync(all, async (forward, _) => await EchoOnceAsync(forward, forward.Name));
    }

    [Fact]
    public async Task If_one_target_does_not_exist_none_listens()
    {
        AddWeb("web-1");
        List<ForwardEvent> told = [];
        var options = new ForwardOptions { OnEvent = told.Add };

        await this.Invoking(_ => Client.ForwardAllAsync([new("svc/web", ":echo") { Options = options }, new("svc/nowhere", ":80"), new("svc/neither", ":80")]).Soon())
            .Should().ThrowAsync<ClusterException>().WithMessage("*services \"n*\" not found");

        told.OfType<ListenerOpened>().Should().BeEmpty();
    }

    [Fact]
    public async Task If_one_port_cannot_be_had_none_stays()
    {
        AddWeb("web-1");
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        int taken = ((IPEndPoint)other.LocalEndpoint).Port;

        await this.Invoking(_ => Client.ForwardAllAsync([new("svc/web", ":echo"), new("deploy/web", $"{taken}:7000") { Options = new() { Addresses = ["127.0.0.1"] } }]).Soon())
            .Should().ThrowAsync<PortForwardException>().WithMessage($"unable to listen on port {taken}*");
    }

    [Fact]
    public async Task One_that_is_lost_for_good_while_another_waits_for_its_pod_is_the_end_of_all()
    {
        TestPod brief = Cluster.Pods.Add(TestPod.Probe("brief"));
        Cluster.Pods.Add(TestPod.Probe("later").Phase("Pending"));
        List<ForwardEvent> told = [];
        var waits = new TaskCompletionSource();
        Task<ForwardSet> starting = Client.ForwardAllAsync([
            new("pod/brief", ":7000") { Options = new ForwardOptions { ReconnectTimeout = TimeSpan.Zero, OnEvent = told.Add } },
            new("pod/later", ":7000") { Options = new ForwardOptions { OnEvent = next => _ = next is PodAwaited && waits.TrySetResult() } }]);
        await waits.Task.Soon();
        await Waiting.UntilAsync(() => Cluster.Activity.TunnelsOpened == 1);

        brief.Delete();

        await starting.Soon().Invoking(task => task).Should().ThrowAsync<ClusterException>().WithMessage("lost connection to pod*");
        told.Should().NotContain(next => next is ListenerOpened || next is ForwardReady);
    }

    [Fact]
    public async Task One_that_has_no_pod_when_all_others_are_there_is_ready_once_it_has_one_again()
    {
        TestPod first = AddWeb("web-1"), later = Cluster.Pods.Add(TestPod.Probe("later").Phase("Pending"));
        var told = new ConcurrentQueue<ForwardEvent>();
        var waits = new TaskCompletionSource();
        Task<ForwardSet> starting = Client.ForwardAllAsync([
            new("svc/web", ":echo") { Options = new ForwardOptions { OnEvent = told.Enqueue } },
            new("pod/later", ":7000") { Options = new ForwardOptions { OnEvent = next => _ = next is PodAwaited && waits.TrySetResult() } }]);
        await waits.Task.Soon();
        await Waiting.UntilAsync(() => Cluster.Activity.TunnelsOpened == 1);
        first.Delete();
        await Waiting.UntilAsync(() => told.OfType<PodLost>().Any());

        later.Phase("Running").Ready(true);
        await Waiting.UntilAsync(() => Cluster.Activity.TunnelsOpened == 2);
        told.Should().NotContain(next => next is ListenerOpened || next is ForwardReady);
        AddWeb("web-2");

        await using ForwardSet all = await starting.Soon();
        all.Select(forward => forward.State).Should().Equal(ForwardState.Ready, ForwardState.Ready);
        told.SkipWhile(next => next is not PodBack).OfType<ForwardReady>().Should().ContainSingle().Which.Pod.Should().Be("web-2");
        await EchoOnceAsync(all["web"], "hello");
    }

    [Fact]
    public async Task One_that_has_no_pod_for_too_long_when_all_others_are_there_is_the_end_of_all()
    {
        TestPod only = AddWeb("web-1");
        TestPod later = Cluster.Pods.Add(TestPod.Probe("later").Phase("Pending"));
        var told = new ConcurrentQueue<ForwardEvent>();
        var waits = new TaskCompletionSource();
        Task<ForwardSet> starting = Client.ForwardAllAsync([
            new("svc/web", ":echo") { Options = new ForwardOptions { PodRunningTimeout = TimeSpan.FromSeconds(2), OnEvent = told.Enqueue } },
            new("pod/later", ":7000") { Options = new ForwardOptions { OnEvent = next => _ = next is PodAwaited && waits.TrySetResult() } }]);
        await waits.Task.Soon();
        await Waiting.UntilAsync(() => Cluster.Activity.TunnelsOpened == 1);
        only.Delete();
        await Waiting.UntilAsync(() => told.OfType<PodLost>().Any());

        later.Phase("Running").Ready(true);

        await starting.Soon().Invoking(task => task).Should().ThrowAsync<ClusterException>()
            .WithMessage("timed out waiting for service/web after 2s: it has lost its pod, and has no other");
    }

    [Fact]
    public async Task One_that_is_lost_before_all_are_ready_is_the_end_of_all()
    {
        AddWeb("web-1");
        TestPod brief = Cluster.Pods.Add(TestPod.Probe("brief"));
        ForwardSet all = null!;
        var last = new ForwardOptions { OnEvent = next => LoseOther(next is ForwardReady) };
        all = ClusterClient.Prepare([
            (Client, new("pod/brief", ":7000") { Options = new ForwardOptions { ReconnectTimeout = TimeSpan.Zero } }),
            (Client, new("svc/web", ":echo") { Options = last })]);

        await all.Invoking(set => set.StartAsync(new ForwardSetOptions(), CancellationToken.None).Soon())
            .Should().ThrowAsync<ClusterException>().WithMessage("lost connection to pod*");

        all.Select(forward => forward.State).Should().Equal(ForwardState.Failed, ForwardState.Ended);

        // The receiver holds up the start of the last one, until the other is ready and has lost its pod.
        void LoseOther(bool isReady)
        {
            if (isReady)
            {
                SpinWait.SpinUntil(() => all["brief"].State == ForwardState.Ready, Waiting.Patience).Should().BeTrue();
                brief.Delete();
                SpinWait.SpinUntil(() => all["brief"].Completion.IsFaulted, Waiting.Patience).Should().BeTrue();
            }
        }
    }

    [Fact]
    public async Task One_that_fails_leaves_the_others_alone_if_the_options_say_so()
    {
        AddWeb("web-1");

        await using ForwardSet all = await Client.ForwardAllAsync([new("svc/nowhere", ":80"), new("svc/web", ":echo")], new ForwardSetOptions { RequireAll = false }).Soon();

        all["nowhere"].State.Should().Be(ForwardState.Failed);
        await all["nowhere"].Completion.Invoking(completion => completion).Should().ThrowAsync<ClusterException>().WithMessage("*services \"nowhere\" not found");
        await EchoOnceAsync(all["web"], "hello");
        await all.StopAsync().Soon();
        await all.Completion.Soon();
        all["web"].State.Should().Be(ForwardState.Ended);
        all["nowhere"].State.Should().Be(ForwardState.Failed);
    }

    [Fact]
    public async Task A_start_that_is_cancelled_leaves_nothing()
    {
        AddWeb("web-1");
        Cluster.Add(TestObjects.Service("later", "app=later", new ServicePort(80, "http", "web")));
        using var cancelled = new CancellationTokenSource();
        var waits = new TaskCompletionSource();
        var options = new ForwardOptions { OnEvent = next => _ = next is PodAwaited && waits.TrySetResult() };

        Task<ForwardSet> starting = Client.ForwardAllAsync([new("svc/web", ":echo"), new("svc/later", ":80") { Options = options }], options: null, cancelled.Token);
        await waits.Task.Soon();
        await cancelled.CancelAsync();

        await starting.Soon().Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();
    }

    [Fact]
    public async Task A_client_that_is_disposed_meanwhile_says_so()
    {
        Cluster.Add(TestObjects.Service("later", "app=later", new ServicePort(80, "http", "web")));
        var waits = new TaskCompletionSource();
        var options = new ForwardOptions { OnEvent = next => _ = next is PodAwaited && waits.TrySetResult() };
        var later = new ForwardDefinition("svc/later", ":80") { Options = options };
        Task<ForwardSet> starting = Client.ForwardAllAsync([.. Enumerable.Repeat(later, 20)], new ForwardSetOptions { MaxStarting = 2 });
        await waits.Task.Soon();

        await Client.DisposeAsync().Soon();

        await starting.Soon().Invoking(task => task).Should().ThrowAsync<ObjectDisposedException>();
    }

    [Fact]
    public async Task Two_tunnels_at_most_are_shared_by_all_forwards_of_a_client()
    {
        AddWeb("web-1");
        AddOther("other");
        await using ClusterClient client = NewClient(new ClusterClientOptions { MaxTunnels = 2 });
        await using ForwardSet all = await client.ForwardAllAsync([new("svc/web", ":echo"), new("svc/other", ":echo")]).Soon();

        await Parallel.ForEachAsync(Enumerable.Range(0, 20), async (i, _) => await EchoOnceAsync(all[i % 2], $"{i}"));

        Cluster.Activity.TunnelsOpened.Should().Be(2);
    }

    [Fact]
    public async Task Nothing_to_forward_is_a_mistake()
    {
        await this.Invoking(_ => Client.ForwardAllAsync([])).Should().ThrowAsync<ArgumentException>().WithMessage("At least one forward is needed.*");
        await this.Invoking(_ => Client.ForwardAllAsync([new("svc/web")])).Should().ThrowAsync<ArgumentException>().WithMessage("At least one port is needed*");
        await this.Invoking(_ => Client.ForwardAllAsync([new("svc/web", ":80")], new() { MaxStarting = 0 })).Should().ThrowAsync<ArgumentException>();
    }

    /// <summary>A service and its only pod, which have the same name.</summary>
    private void AddOther(string name)
    {
        Cluster.Add(TestObjects.Service(name, $"app={name}", new ServicePort(80, "http", "web"), new ServicePort(7, "echo", "echo")));
        Cluster.Pods.Add(TestPod.Probe(name).Label("app", name));
    }
}
