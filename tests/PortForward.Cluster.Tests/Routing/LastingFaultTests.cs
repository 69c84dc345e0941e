using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Routing;
using PortForward.Testing;
using PortForward.Testing.Api;
using PortForward.Testing.PortForwarding;
using PortForward.Tunnels.Pool;

namespace PortForward.Cluster.Tests.Routing;

/// <summary>Faults that do not pass: they are met with patience, not with a flood of requests, and nothing is forgotten over them.</summary>
public sealed class LastingFaultTests : IAsyncLifetime
{
    /// <summary>How long a fault is watched, in real time, since a loop without pauses would not wait for a clock. Thousands of its requests fit in.</summary>
    private static readonly TimeSpan AWhile = TimeSpan.FromSeconds(1);

    /// <summary>More than back-off allows in <see cref="AWhile"/> for two pods, and far less than a loop without pauses makes of one.</summary>
    private const int ManyRequests = 25;

    /// <summary>No tunnel is dialled in advance, which a cut of all might come too early for.</summary>
    private static readonly PodRouterOptions NothingInAdvance = new() { Tunnels = new TunnelPoolOptions { MinimumIdle = 0 } };

    private TestCluster _cluster = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true });
        _cluster.PortForwarding.GraceAfterFirstEnd = TimeSpan.FromMilliseconds(20);
        _cluster.Add(TestObjects.Deployment("web", "app=web"));
        _cluster.Add(TestObjects.Service("web", "app=web", new ServicePort(7000, "echo", "echo")));
    }

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Theory]
    [InlineData(401)]
    [InlineData(404)]
    [InlineData(503)]
    public async Task Pods_that_are_all_refused_take_turns_with_pauses(int status)
    {
        AddWeb("web-1");
        AddWeb("web-2");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["7000"], NothingInAdvance);
        await forward.EchoOnceAsync("before");
        IDisposable refused = _cluster.Faults.Always(request => request.IsPortForward, RequestFault.Status(status));
        int asked = Upgrades();
        _cluster.Tunnels.CutAll();

        await forward.EventAsync<PodLost>();
        Task held = forward.EchoOnceAsync("patient");
        await Task.Delay(AWhile);

        (Upgrades() - asked).Should().BeLessThan(ManyRequests);
        forward.Events.OfType<PodSwitched>().Should().BeEmpty("which pod is asked is told only once one has answered");
        refused.Dispose();
        await held;
        await forward.EventAsync<PodBack>();
    }

    [Fact]
    public async Task Retry_After_is_kept_to_when_there_are_several_pods()
    {
        AddWeb("web-1");
        AddWeb("web-2");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["7000"], NothingInAdvance);
        await forward.EchoOnceAsync("before");
        using IDisposable refused = _cluster.Faults.Always(request => request.IsPortForward, RequestFault.Status(429, TimeSpan.FromSeconds(60)));
        int asked = Upgrades();
        _cluster.Tunnels.CutAll();

        await forward.EventAsync<PodLost>();
        await Task.Delay(AWhile);

        (Upgrades() - asked).Should().BeInRange(1, 4, "each pod is asked once, and by a connection that was under way once more");
    }

    [Fact]
    public async Task A_second_try_on_a_pod_that_cannot_be_reached_keeps_to_the_hold_timeout()
    {
        TestPod refusing = AddWeb("web-1");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["9999"], new PodRouterOptions { HoldTimeout = TimeSpan.FromSeconds(2) });
        AddWeb("web-2");
        await Waiting.UntilAsync(() => forward.Router.KnownPodCount == 2);
        using IDisposable unreachable = _cluster.Faults.Always(
            request => request.IsPortForward && request.Path.Contains("/web-2/", StringComparison.Ordinal),
            RequestFault.Status(500));
        long began = Stopwatch.GetTimestamp();

        (await forward.ConnectAsync().IsResetAsync()).Should().BeTrue();

        Stopwatch.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromSeconds(10));
        _cluster.Requests.Count(request => request.IsPortForward && request.Path.Contains("/web-2/", StringComparison.Ordinal)).Should().BeLessThan(ManyRequests);
        refusing.OpenConnections.Should().Be(0);
    }

    [Fact]
    public async Task A_second_try_finds_the_pod_that_can_be_reached_among_those_that_cannot()
    {
        TestPod first = AddWeb("web-1");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["7000"]);
        await forward.EchoOnceAsync("before");
        AddWeb("web-2");
        AddWeb("web-3");
        await Waiting.UntilAsync(() => forward.Router.KnownPodCount == 3);
        first.Applications.Stop(7000);
        using IDisposable unreachable = _cluster.Faults.Always(
            request => request.IsPortForward && request.Path.Contains("/web-2/", StringComparison.Ordinal),
            RequestFault.Status(500));

        await forward.EchoOnceAsync("after");
    }

    [Fact]
    public async Task What_accepts_tunnels_and_cuts_them_is_asked_ever_less_often_and_told()
    {
        _cluster.Pods.Add(TestPod.Probe("solo"));
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", ["7000"], NothingInAdvance);
        await forward.EchoOnceAsync("before");
        _cluster.Transports.WebSocketTunnel = TransportAnswer.CloseAfterUpgrade;
        int asked = Upgrades();
        _cluster.Tunnels.CutAll();

        await Task.Delay(AWhile);

        (Upgrades() - asked).Should().BeLessThan(ManyRequests);
        _cluster.Transports.WebSocketTunnel = TransportAnswer.Serve;
        await forward.EchoOnceAsync("after");
    }

    [Fact]
    public async Task A_look_up_without_an_answer_does_not_hold_up_the_next_tunnel()
    {
        AddWeb("web-1");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "svc/web", ["7000"], NothingInAdvance);
        await forward.EchoOnceAsync("before");
        using IDisposable silent = _cluster.Faults.Always(request => !request.IsPortForward, RequestFault.Hang);
        int asked = Upgrades();
        long began = Stopwatch.GetTimestamp();
        _cluster.Tunnels.CutAll();

        // A connection on the tunnel that was cut would be reset.
        await Waiting.UntilAsync(() => Upgrades() > asked);
        await forward.EchoOnceAsync("after");

        Stopwatch.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromSeconds(8), "a look-up may take 10 s");
    }

    [Fact]
    public async Task The_pods_are_read_anew_when_the_tunnels_are_lost_because_the_watch_may_be_dead_too()
    {
        var time = new FakeTimeProvider();
        AddWeb("web-1");
        var options = new PodRouterOptions { Time = time, HoldTimeout = TimeSpan.FromDays(1) }; // The clock goes faster than a real dial.
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["7000"], options);
        await forward.EchoOnceAsync("before");
        time.Advance(TimeSpan.FromSeconds(2.5)); // They are not read anew more often than every two seconds.
        int lists = Lists();

        _cluster.Tunnels.CutAll();

        await Waiting.UntilAsync(() => Lists() > lists);
        await time.AdvanceUntilAsync(forward.EchoOnceAsync("after"));

        int Lists() => _cluster.Requests.Count(request => request.Path.EndsWith("/pods", StringComparison.Ordinal) && !request.Query.Contains("watch=true", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Pods_are_followed_again_after_a_moment_without_the_right_to_read_them()
    {
        var time = new FakeTimeProvider();
        TestPod first = AddWeb("web-1");
        IDisposable refused = _cluster.Faults.Always(
            request => request.Path.EndsWith("/pods", StringComparison.Ordinal) && request.Query.Contains("watch=true", StringComparison.Ordinal),
            RequestFault.Status(403));
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["7000"], new PodRouterOptions { Time = time });
        await Waiting.UntilAsync(() => forward.Router.KnownPodCount == 1);
        IDisposable refusedLists = _cluster.Faults.Always(request => request.Path.EndsWith("/pods", StringComparison.Ordinal), RequestFault.Status(403));
        await time.AdvanceUntilAsync(() => forward.Router.KnownPodCount == 0);

        refused.Dispose();
        refusedLists.Dispose();
        AddWeb("web-2");
        first.Terminating();

        await time.AdvanceUntilAsync(() => forward.Events.OfType<PodSwitched>().Any());
    }

    [Fact]
    public async Task A_service_that_leads_to_another_port_is_followed_on_a_pod_that_is_in_use()
    {
        var time = new FakeTimeProvider();
        AddWeb("web-1");
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "svc/web", ["7000"], new PodRouterOptions { Time = time });
        await forward.EchoOnceAsync("before");

        _cluster.Add(TestObjects.Service("web", "app=web", new ServicePort(7000, "echo", "web")));

        using var limit = new CancellationTokenSource(Waiting.Patience);
        while (await FirstByteAsync() != 'H')
        {
            limit.Token.ThrowIfCancellationRequested();
            time.Advance(TimeSpan.FromSeconds(5));
        }

        // Of a status line, or of the request that an echo gives back.
        async Task<char> FirstByteAsync()
        {
            using Socket client = await forward.ConnectAsync();
            await client.SendAsync("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray());
            byte[] first = new byte[1];
            (await client.ReceiveAsync(first.AsMemory()).Soon()).Should().Be(1);
            return (char)first[0];
        }
    }

    [Fact]
    public async Task Without_reconnect_the_loss_of_one_of_several_balanced_pods_is_not_the_end()
    {
        AddWeb("web-1");
        AddWeb("web-2");
        await using RoutedForward forward = await RoutedForward.StartAsync(
            _cluster, "deploy/web", ["7000"], new PodRouterOptions { Balance = true, Reconnect = false });
        await forward.EventAsync<PodsServing>();
        for (int i = 0; i < 4; i++)
        {
            await forward.EchoOnceAsync("to each");
        }

        foreach (Tunnel tunnel in _cluster.Tunnels.Open.Where(tunnel => tunnel.Pod == "web-1"))
        {
            tunnel.Cut();
        }

        for (int i = 0; i < 4; i++)
        {
            await forward.EchoOnceAsync("to the other");
        }

        forward.Run.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Nothing_is_decided_again_and_again_once_a_deadline_has_passed()
    {
        // An unready pod is waited for, is used in the end, and its grace is over: the router has nothing to do any more.
        var time = new CountingTime();
        TestPod first = AddWeb("web-1");
        var options = new PodRouterOptions { Balance = true, UnreadyGrace = TimeSpan.FromMilliseconds(300), Time = time };
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "deploy/web", ["7000"], options);
        TestPod second = AddWeb("web-2").Ready(false);
        await Waiting.UntilAsync(() => forward.Router.KnownPodCount == 2);
        first.Delete();
        await forward.EventAsync<PodLost>();
        second.Ready();
        await forward.EventAsync<PodBack>();
        await Task.Delay(TimeSpan.FromMilliseconds(400));

        int before = time.Timers;
        await Task.Delay(TimeSpan.FromMilliseconds(500)); // Real time: whoever asks the follower again and again would do so between two steps of a clock.

        (time.Timers - before).Should().BeLessThan(100, "the loop sleeps between two rounds of housekeeping, of which there is one in five seconds");
    }

    private int Upgrades() => _cluster.Requests.Count(request => request.IsPortForward);

    private TestPod AddWeb(string name) => _cluster.Pods.Add(TestPod.Probe(name).Label("app", "web"));

    /// <summary>The system's clock, which counts how often something waits for it.</summary>
    private sealed class CountingTime : TimeProvider
    {
        private int _timers;

        public int Timers => Volatile.Read(ref _timers);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Interlocked.Increment(ref _timers);
            return base.CreateTimer(callback, state, dueTime, period);
        }
    }
}
