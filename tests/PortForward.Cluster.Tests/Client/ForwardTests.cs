using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using PortForward.Cluster.Routing;
using PortForward.Forwarding;
using PortForward.Testing;
using PortForward.Testing.Api;

namespace PortForward.Cluster.Tests.Client;

/// <summary>What a forward is to the code that started it.</summary>
public sealed class ForwardTests : ClusterClientTestBase
{
    [Fact]
    public async Task A_forward_that_is_returned_serves_connections()
    {
        AddWeb("web-1");

        await using Forward forward = await Client.ForwardAsync("svc/web", ":echo", ":80").Soon();

        (forward.State, forward.Name, forward.Target, forward.Namespace).Should().Be((ForwardState.Ready, "web", "service/web", "default"));
        (forward.Host, forward.Port).Should().Be(("127.0.0.1", forward.Ports[0].Local[0].Port));
        forward.Ports.Select(port => (port.Name, port.Number)).Should().Equal(("echo", 7), ("http", 80));
        await EchoOnceAsync(forward, "hello");
        forward.Completion.IsCompleted.Should().BeFalse();
        await forward.StopAsync().Soon();
        forward.Completion.IsCompletedSuccessfully.Should().BeTrue();
        forward.State.Should().Be(ForwardState.Ended);
    }

    [Fact]
    public async Task Ports_of_a_pod_have_the_names_that_it_declares()
    {
        AddWeb("web-1");

        await using Forward forward = await Client.ForwardAsync("web-1", ":7000", ":web", ":7001").Soon();

        forward.Ports.Select(port => (port.Name, port.Number)).Should().Equal(("echo", 7000), ("web", 8080), (null, 7001));
        forward.Target.Should().Be("pod/web-1");
    }

    [Fact]
    public async Task Addresses_names_and_namespaces_are_those_that_are_asked_for()
    {
        Cluster.Add(TestObjects.Namespace("shop"));
        Cluster.Pods.Add(TestPod.Probe("db").In("shop"));

        await using Forward forward = await Client.ForwardAsync(
            "pod/db", [$":{Echo}"], new ForwardOptions { Name = "orders", Namespace = "shop", Addresses = ["0.0.0.0"] }).Soon();

        (forward.Name, forward.Namespace, forward.Host).Should().Be(("orders", "shop", "127.0.0.1"));
        forward.Ports[0].Local.Should().ContainSingle().Which.Address.Should().Be(IPAddress.Any);
        await using var stream = new NetworkStream(await ConnectToAsync(forward), ownsSocket: true);
        await EchoAsync(stream, "hello");
    }

    [Fact]
    public async Task Events_of_all_sources_come_one_at_a_time_and_in_order()
    {
        TestPod first = AddWeb("web-1");
        var events = new ConcurrentQueue<ForwardEvent>();
        int telling = 0;
        bool overlap = false;
        await using Forward forward = await Client.ForwardAsync("deploy/web", [$":{Echo}"], new ForwardOptions
        {
            OnEvent = forwardEvent =>
            {
                overlap |= Interlocked.Increment(ref telling) != 1;
                events.Enqueue(forwardEvent);
                Thread.SpinWait(2000);
                Interlocked.Decrement(ref telling);
            },
        }).Soon();

        Task[] clients = [.. Enumerable.Range(0, 4).Select(worker => Task.Run(async () =>
        {
            for (int i = 0; i < 10; i++)
            {
                await EchoOnceAsync(forward, $"{worker}.{i}");
            }
        }))];
        AddWeb("web-2");
        first.Terminating();
        await Task.WhenAll(clients);
        await Waiting.UntilAsync(() => events.OfType<PodSwitched>().Any() && events.OfType<ConnectionClosed>().Count() == 40);
        await forward.StopAsync();

        overlap.Should().BeFalse();
        events.Select(one => one.GetType()).Take(3).Should().Equal(typeof(ListenerOpened), typeof(ListenerOpened), typeof(ForwardReady));
        foreach (ConnectionClosed closed in events.OfType<ConnectionClosed>())
        {
            events.TakeWhile(one => one != closed).OfType<ConnectionAccepted>().Should().Contain(accepted => accepted.Id == closed.Id);
        }

        forward.Counters.Should().Match<ForwardCounters>(counters => counters.ConnectionsAccepted == 40 && counters.ConnectionsOpen == 0 && counters.Reconnects == 0);
    }

    [Fact]
    public async Task Events_can_be_read_until_the_last_one()
    {
        AddWeb("web-1");
        await using Forward forward = await Client.ForwardAsync("web-1", $":{Echo}").Soon();
        IAsyncEnumerable<ForwardEvent> events = forward.ReadEventsAsync();

        await EchoOnceAsync(forward, "hello");
        await Waiting.UntilAsync(() => forward.Counters is { ConnectionsAccepted: 1, ConnectionsOpen: 0 });
        await forward.StopAsync();
        var read = new List<ForwardEvent>();
        await foreach (ForwardEvent next in events)
        {
            read.Add(next);
        }

        read.Select(one => one.GetType()).Should().Equal(typeof(ConnectionAccepted), typeof(ConnectionClosed));
        forward.Counters.Should().Be(new ForwardCounters(1, 0, 5, 5, 0));
    }

    [Fact]
    public async Task A_lost_target_is_a_state_and_so_is_its_return()
    {
        TestPod only = AddWeb("web-1");
        await using Forward forward = await Client.ForwardAsync("deploy/web", $":{Echo}").Soon();

        only.Delete();
        await Waiting.UntilAsync(() => forward.State == ForwardState.Lost);
        AddWeb("web-2");

        await Waiting.UntilAsync(() => forward.State == ForwardState.Ready);
        forward.Counters.Reconnects.Should().Be(1);
        await EchoOnceAsync(forward, "again");
    }

    [Fact]
    public async Task A_target_that_is_lost_for_good_faults_the_completion_with_one_sentence()
    {
        TestPod only = AddWeb("web-1");
        await using Forward forward = await Client.ForwardAsync("web-1", [$":{Echo}"], new ForwardOptions { Reconnect = false }).Soon();

        only.Delete();

        (await forward.Completion.Soon().Invoking(task => task).Should().ThrowAsync<ClusterException>()).WithMessage("lost connection to pod");
        forward.State.Should().Be(ForwardState.Failed);
        await forward.StopAsync().Soon();
        await forward.DisposeAsync().Soon();
    }

    [Fact]
    public async Task Stopped_it_lets_connections_end_and_its_token_ends_them_at_once()
    {
        AddWeb("web-1");
        Forward forward = await Client.ForwardAsync("web-1", [$":{Echo}"], new ForwardOptions { DrainTimeout = Timeout.InfiniteTimeSpan }).Soon();
        await using var stream = new NetworkStream(await ConnectAsync(forward), ownsSocket: true);
        await EchoAsync(stream, "before");
        using var atOnce = new CancellationTokenSource();

        Task stop = forward.StopAsync(atOnce.Token);
        await Waiting.UntilAsync(() => !CanConnect(forward));
        await EchoAsync(stream, "still there");
        stop.IsCompleted.Should().BeFalse();
        await atOnce.CancelAsync();

        await stop.Soon();
        await stream.ReadAsync(new byte[1]).Soon().Invoking(read => read).Should().ThrowAsync<IOException>();
        forward.State.Should().Be(ForwardState.Ended);
    }

    [Fact]
    public async Task Disposed_twice_and_stopped_after_that_it_stays_ended()
    {
        AddWeb("web-1");
        Forward forward = await Client.ForwardAsync("web-1", $":{Echo}").Soon();
        using Socket client = await ConnectAsync(forward);

        await Task.WhenAll(forward.DisposeAsync().AsTask(), forward.DisposeAsync().AsTask(), forward.StopAsync()).Soon();
        await forward.DisposeAsync().Soon();

        forward.State.Should().Be(ForwardState.Ended);
        forward.Completion.IsCompletedSuccessfully.Should().BeTrue();
    }

    [Fact]
    public async Task A_receiver_of_events_may_stop_the_forward_and_what_it_throws_harms_nothing()
    {
        AddWeb("web-1");
        Forward? forward = null;
        forward = await Client.ForwardAsync("web-1", [$":{Echo}"], new ForwardOptions
        {
            OnEvent = forwardEvent =>
            {
                if (forwardEvent is ConnectionAccepted)
                {
                    _ = forward!.StopAsync();
                }

                throw new InvalidOperationException("a mistake of the receiver");
            },
        }).Soon();

        (await ConnectAsync(forward).IsResetAsync()).Should().BeTrue();

        await forward.Completion.Soon();
    }

    [Fact]
    public async Task Several_forwards_of_a_client_share_what_it_knows_of_the_transports()
    {
        Cluster.Transports.WebSocketTunnel = Testing.PortForwarding.TransportAnswer.Refuse(426, "no");
        AddWeb("web-1");
        AddWeb("web-2");
        await using Forward first = await Client.ForwardAsync("web-1", $":{Echo}").Soon();
        await EchoOnceAsync(first, "one"); // The transport is proven now.
        int refused = Refusals();

        await using Forward second = await Client.ForwardAsync("web-2", $":{Echo}").Soon();
        await EchoOnceAsync(second, "two");

        Refusals().Should().Be(refused, "the second forward begins with the transport that has worked for the first one");

        int Refusals() => Cluster.Requests.Count(request => request.IsPortForward && request.Status == 426);
    }

    [Fact]
    public async Task A_pod_that_is_not_ready_is_used_and_told()
    {
        Cluster.Pods.Add(TestPod.Probe("web-1").Ready(false));
        var events = new ConcurrentQueue<ForwardEvent>();

        await using Forward forward = await Client.ForwardAsync("web-1", [$":{Echo}"], new ForwardOptions { OnEvent = events.Enqueue }).Soon();

        events.OfType<TargetNote>().Should().ContainSingle().Which.Text.Should().StartWith("pod web-1 is running but not ready");
        await EchoOnceAsync(forward, "hello");
    }

    [Fact]
    public async Task A_start_that_waits_for_a_pod_tells_what_it_waits_for()
    {
        TestPod pod = Cluster.Pods.Add(TestPod.Probe("web-1").Phase("Pending"));
        var events = new ConcurrentQueue<ForwardEvent>();

        Task<Forward> start = Client.ForwardAsync("web-1", [$":{Echo}"], new ForwardOptions { OnEvent = events.Enqueue });
        await Waiting.UntilAsync(() => events.OfType<PodAwaited>().Any());
        pod.Phase("Running");
        await using Forward forward = await start.Soon();

        events.OfType<PodAwaited>().First().Reason.Should().StartWith("waiting for pod web-1 to run");
        events.OfType<PodRunning>().Should().ContainSingle().Which.Pod.Should().Be("web-1");
        await EchoOnceAsync(forward, "hello");
    }

    [Fact]
    public async Task A_pod_that_goes_before_it_is_reached_is_replaced_by_its_successor()
    {
        AddWeb("web-1");
        bool wasDeleted = false;
        using IDisposable plan = Cluster.Faults.Next(request =>
        {
            if (request.IsPortForward && !wasDeleted)
            {
                wasDeleted = true;
                AddWeb("web-2");
                Cluster.Pods.Find("web-1")!.Delete();
            }

            return false;
        }, RequestFault.Hang);

        await using Forward forward = await Client.ForwardAsync("deploy/web", $":{Echo}").Soon();

        await EchoOnceAsync(forward, "hello");
    }

    private static async Task<Socket> ConnectToAsync(Forward forward)
    {
        var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(forward.Host, forward.Port);
        return client;
    }

    private static bool CanConnect(Forward forward)
    {
        try
        {
            using var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
            client.Connect(forward.Ports[0].Local[0]);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
