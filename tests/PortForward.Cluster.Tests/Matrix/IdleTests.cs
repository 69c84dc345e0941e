using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using PortForward.Cluster.Tests.Routing;
using PortForward.Cluster.Tests.Transport;
using PortForward.Forwarding;
using PortForward.Testing;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>What stands between a forward and the server may cut idle connections: neither a connection that idles nor a new one notices.</summary>
public sealed class IdleTests
{
    /// <summary>A sign of life every second, against a limit of two and a half.</summary>
    private static readonly IdlePlan Short = new(TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(2.5), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(1));

    [Fact]
    public Task A_forward_outlives_a_load_balancer_that_cuts_idle_connections_for_a_short_while() => OutliveAsync(Short);

    [IdleFact]
    public Task A_forward_outlives_a_load_balancer_that_cuts_after_30_seconds_for_minutes() =>
        OutliveAsync(new IdlePlan(TimeSpan.FromMinutes(IdleFactAttribute.Minutes), TimeSpan.FromSeconds(30), new TunnelDialOptions().LivenessTimeout, TimeSpan.FromSeconds(20)));

    [GatewayFact]
    public Task A_forward_outlives_the_short_idle_limits_of_real_gateways() => Task.WhenAll(GatewayRoad.All.Select(async gateway =>
    {
        await using Road road = await GatewayRoad.OpenAsync(gateway, idleLimit: 2);
        road.Cluster.Pods.Add(TestPod.Probe("solo"));
        await IdleWithEachAsync($"behind {gateway}", road.Kubeconfig, Short with { IdleLimit = TimeSpan.FromSeconds(2), LivenessTimeout = TimeSpan.FromSeconds(2.4) });
        road.Cluster.Tunnels.Violations.Should().BeEmpty();
    }));

    private static async Task OutliveAsync(IdlePlan plan)
    {
        await using TestCluster cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true });
        cluster.Pods.Add(TestPod.Probe("solo"));
        using var authority = new TestAuthority();
        await using var relay = new IdleCuttingRelay(cluster.Server.Port, TestServer.Options(authority.IssueServer("127.0.0.1")), plan.IdleLimit);
        Task cutsAnother = SeeItCutAsync(relay, plan);

        string kubeconfig = KubeconfigText.Of(cluster, $"https://127.0.0.1:{relay.Port}", authority.Pem);
        await IdleWithEachAsync("behind the relay", kubeconfig, plan);

        await cutsAnother;
        relay.Cuts.Should().BePositive();
        relay.TunnelCuts.Should().Be(0, "no tunnel is ever silent for so long");
        cluster.Tunnels.Violations.Should().BeEmpty();
    }

    /// <summary>Idles with each transport at the same time.</summary>
    private static Task IdleWithEachAsync(string where, string kubeconfig, IdlePlan plan) =>
        Task.WhenAll(TransportMatrixTests.Transports.Select(transport => IdleAsync($"{transport} {where}", kubeconfig, transport, plan)));

    /// <summary>Holds a connection open and idle for the whole time, and opens others now and then.</summary>
    private static async Task IdleAsync(string way, string kubeconfig, string transport, IdlePlan plan)
    {
        await using RoutedForward forward = await KubeconfigForward.StartAsync(
            kubeconfig, transport, [RoutedForward.Echo], new TunnelDialOptions { LivenessTimeout = plan.LivenessTimeout });
        using Socket held = await forward.ConnectAsync();
        await RoutedForward.EchoAsync(held, "before");
        long began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < plan.Duration)
        {
            await Task.Delay(plan.Pause);
            await forward.EchoOnceAsync($"{way} after {Stopwatch.GetElapsedTime(began)}");
        }

        await RoutedForward.EchoAsync(held, "after");
        forward.Events.Where(one => one is not (ListenerOpened or ConnectionAccepted or ConnectionClosed)).Should().BeEmpty("{0} nothing is to be told", way);
        forward.Events.OfType<ConnectionClosed>().Select(closed => closed.End.Kind).Should().OnlyContain(
            kind => kind == ConnectionEndKind.Completed || kind == ConnectionEndKind.ClientGone, "{0} nothing failed", way);
    }

    /// <summary>A connection that sends nothing is cut, or else the test would show nothing.</summary>
    private static async Task SeeItCutAsync(IdleCuttingRelay relay, IdlePlan plan)
    {
        using var idle = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await idle.ConnectAsync(IPAddress.Loopback, relay.Port);
        Func<Task> wait = () => idle.ReceiveAsync(new byte[1].AsMemory()).AsTask().WaitAsync(plan.IdleLimit + RoutedForward.Patience);
        (await wait.Should().ThrowAsync<SocketException>()).Which.SocketErrorCode.Should().Be(SocketError.ConnectionReset);
    }

    /// <summary>How long a forward idles, and what it has to stand.</summary>
    /// <param name="Duration">For how long.</param>
    /// <param name="IdleLimit">After which time idle connections are cut.</param>
    /// <param name="LivenessTimeout">The forward's own limit; it asks for a sign of life three times in it.</param>
    /// <param name="Pause">The time between two new connections.</param>
    private sealed record IdlePlan(TimeSpan Duration, TimeSpan IdleLimit, TimeSpan LivenessTimeout, TimeSpan Pause);
}

/// <summary>A test that idles for minutes: 10 with PF_TEST_FULL=true, or as many as PF_TEST_IDLE_MINUTES says; skipped without either.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class IdleFactAttribute : FactAttribute
{
    public IdleFactAttribute()
    {
        if (Minutes <= 0)
        {
            Skip = "Takes 10 minutes: set PF_TEST_FULL=true, or PF_TEST_IDLE_MINUTES to another time.";
        }
    }

    /// <summary>How long, in minutes.</summary>
    public static double Minutes =>
        double.TryParse(Environment.GetEnvironmentVariable("PF_TEST_IDLE_MINUTES"), out double minutes) ? minutes
        : Environment.GetEnvironmentVariable("PF_TEST_FULL") == "true" ? 10
        : 0;
}
