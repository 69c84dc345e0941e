using System.Net.Sockets;
using PortForward.Cluster.Routing;
using PortForward.Forwarding;
using PortForward.Testing;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Cluster.Tests.Routing;

/// <summary>A container runtime that answers PINGs, and none of the streams.</summary>
public sealed class StuckRuntimeTests : IAsyncLifetime
{
    /// <summary>Longer than a busy machine takes for the answer of a runtime that is not stuck.</summary>
    private static readonly TunnelDialOptions Hasty = new() { StreamAnswerTimeout = TimeSpan.FromSeconds(3) };

    private static readonly PodRouterOptions Routing = new() { Tunnels = new TunnelPoolOptions { MinimumIdle = 0 } };

    private TestCluster _cluster = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true });
        _cluster.PortForwarding.GraceAfterFirstEnd = TimeSpan.FromMilliseconds(20);
        _cluster.Pods.Add(TestPod.Probe("solo"));
    }

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task A_client_that_waits_for_the_server_to_speak_is_served_by_another_tunnel()
    {
        await using RoutedForward forward = await StartOnStuckTunnelAsync("7004");

        using Socket client = await forward.ConnectAsync();
        byte[] heard = new byte[64];
        int length = await client.ReceiveAsync(heard).Soon();

        heard.AsSpan(0, length).ToArray().Should().StartWith("hello"u8.ToArray());
        _cluster.Activity.TunnelsOpened.Should().Be(2);
    }

    [Fact]
    public async Task A_client_that_has_sent_is_reset_and_the_next_one_gets_another_tunnel()
    {
        await using RoutedForward forward = await StartOnStuckTunnelAsync("7000");

        (await forward.ConnectAsync().IsResetAsync("a request"u8.ToArray())).Should().BeTrue();

        (await forward.EventAsync<ConnectionClosed>()).End.Kind.Should().Be(ConnectionEndKind.Unanswered);
        await forward.EchoOnceAsync("next");
    }

    [Fact]
    public async Task A_runtime_that_answers_in_no_tunnel_ends_the_connection_and_not_the_forward()
    {
        _cluster.PortForwarding.AnswersStreams = false;
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", ["7004"], Routing, dialOptions: Hasty);

        (await forward.ConnectAsync().IsResetAsync()).Should().BeTrue();

        (await forward.EventAsync<ConnectionClosed>()).End.Kind.Should().Be(ConnectionEndKind.Unanswered);
        forward.Run.IsCompleted.Should().BeFalse();
        forward.Events.OfType<PodLost>().Should().BeEmpty();
        _cluster.PortForwarding.AnswersStreams = true;
        using Socket next = await forward.ConnectAsync();
        (await next.ReceiveAsync(new byte[1]).Soon()).Should().Be(1);
    }

    /// <summary>Starts a forward whose first tunnel leads to a stuck runtime, and all others do not.</summary>
    private async Task<RoutedForward> StartOnStuckTunnelAsync(string port)
    {
        _cluster.PortForwarding.AnswersStreams = false;
        RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", [port], Routing, dialOptions: Hasty);
        await _cluster.Activity.WaitUntilAsync(now => now.Tunnels == 1);
        _cluster.PortForwarding.AnswersStreams = true;
        return forward;
    }
}
