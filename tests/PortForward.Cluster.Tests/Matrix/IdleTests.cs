using System.Net;
using System.Net.Sockets;
using PortForward.Cluster.Tests.Transport;
using PortForward.Testing;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>A gateway between a forward and the server may cut idle connections: neither a connection that idles nor a new one notices.</summary>
public sealed class IdleTests
{
    [Fact]
    public Task A_forward_outlives_a_load_balancer_that_cuts_idle_connections_for_a_short_while() => OutliveAsync(IdlePlan.Short);

    [IdleFact]
    public Task A_forward_outlives_a_load_balancer_that_cuts_after_30_seconds_for_minutes() =>
        OutliveAsync(new IdlePlan(TimeSpan.FromMinutes(IdleFactAttribute.Minutes), TimeSpan.FromSeconds(30),
            new TunnelDialOptions().LivenessTimeout, TimeSpan.FromSeconds(20)));

    private static async Task OutliveAsync(IdlePlan plan)
    {
        await using TestCluster cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true });
        cluster.Pods.Add(TestPod.Probe("solo"));
        using var authority = new TestAuthority();
        await using var relay = new IdleCuttingRelay(cluster.Server.Port, TestServer.Options(authority.IssueServer("127.0.0.1")), plan.IdleLimit);
        Task cutsAnother = SeeItCutAsync(relay, plan);

        string kubeconfig = KubeconfigText.Of(cluster, $"https://127.0.0.1:{relay.Port}", authority.Pem);
        await Idling.WithEachTransportAsync("behind the relay", kubeconfig, plan);

        await cutsAnother;
        relay.Cuts.Should().BePositive();
        relay.TunnelCuts.Should().Be(0, "no tunnel is ever silent for so long");
        cluster.Tunnels.Violations.Should().BeEmpty();
    }

    /// <summary>A connection that sends nothing is cut, or else the test would show nothing.</summary>
    private static async Task SeeItCutAsync(IdleCuttingRelay relay, IdlePlan plan)
    {
        using var idle = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await idle.ConnectAsync(IPAddress.Loopback, relay.Port);
        Func<Task> wait = () => idle.ReceiveAsync(new byte[1].AsMemory()).AsTask().WaitAsync(plan.IdleLimit + Waiting.Patience);
        (await wait.Should().ThrowAsync<SocketException>()).Which.SocketErrorCode.Should().Be(SocketError.ConnectionReset);
    }
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
