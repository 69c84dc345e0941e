using System.Net;
using System.Net.Sockets;
using PortForward.Forwarding;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Forwarding;

/// <summary>A connection that waits for a pod, and its client meanwhile.</summary>
public sealed class PodWaitTests : ConnectionPumpTestBase
{
    [Fact]
    public async Task Without_tunnel_the_client_is_reset_and_the_reason_is_kept()
    {
        (Socket client, Socket accepted) = await ConnectAsync();
        var fault = new TunnelFault(TunnelFaultKind.Unreachable, "no route to host");
        _tunnels.Fault = fault;

        ConnectionEnd end = await new ConnectionPump(accepted, _tunnels, new ForwardedPort(new IPEndPoint(IPAddress.Loopback, 8080), 80), _options)
            .RunAsync(_stop.Token).Soon();

        end.Should().Be(new ConnectionEnd(ConnectionEndKind.NoTunnel) { Fault = fault });
        (await client.ReceiveToEndAsync()).Should().Be(("", true));
    }

    [Fact]
    public async Task Stopped_while_it_waits_for_a_tunnel_the_client_is_reset()
    {
        (Socket client, Socket accepted) = await ConnectAsync();
        _tunnels.Gate = new TaskCompletionSource().Task;
        Task<ConnectionEnd> run = new ConnectionPump(accepted, _tunnels, new ForwardedPort(new IPEndPoint(IPAddress.Loopback, 8080), 80), _options).RunAsync(_stop.Token);

        await _stop.CancelAsync();

        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Stopped);
        (await client.ReceiveToEndAsync()).WasReset.Should().BeTrue();
    }

    [Fact]
    public async Task A_client_that_resets_while_its_connection_waits_is_not_served()
    {
        (Socket client, Task<ConnectionEnd> run) = await HoldAsync("pay 100");

        client.Reset();

        (await _time.AdvanceUntilAsync(run, TimeSpan.FromMilliseconds(100))).Kind.Should().Be(ConnectionEndKind.ClientGone);
        (_tunnels.Openings, _tunnels.OpenedPairs).Should().Be((1, 0), "nobody waits for the answer any more");
    }

    [LinuxFact]
    public async Task A_client_that_closes_while_its_connection_waits_is_not_served()
    {
        (Socket client, Task<ConnectionEnd> run) = await HoldAsync("pay 100");

        client.Dispose();

        (await _time.AdvanceUntilAsync(run, TimeSpan.FromMilliseconds(100))).Kind.Should().Be(ConnectionEndKind.ClientGone);
        (_tunnels.Openings, _tunnels.OpenedPairs).Should().Be((1, 0), "nobody waits for the answer any more");
    }

    [Fact]
    public async Task Where_the_system_does_not_tell_a_waiting_client_counts_as_gone_10_s_after_it_has_finished_sending()
    {
        PortForwarderOptions options = _options with { IsClosedByClient = static _ => null };
        (Socket client, Task<ConnectionEnd> run) = await HoldAsync("pay 100", options: options);
        await client.SendAsync("more");
        await PassAsync(TimeSpan.FromSeconds(60));
        run.IsCompleted.Should().BeFalse("it may still send");

        client.Shutdown(SocketShutdown.Send);
        await PassAsync(TimeSpan.FromSeconds(9));
        run.IsCompleted.Should().BeFalse("it may wait for its answer");

        (await _time.AdvanceUntilAsync(run, TimeSpan.FromMilliseconds(100))).Kind.Should().Be(ConnectionEndKind.ClientGone);
        _tunnels.OpenedPairs.Should().Be(0, "nothing of it reaches an application");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_stays_while_its_connection_waits_is_served_even_if_it_has_finished_sending(bool hasFinished)
    {
        var pod = new TaskCompletionSource();
        (Socket client, Task<ConnectionEnd> run) = await HoldAsync("question", pod.Task);
        if (hasFinished)
        {
            client.Shutdown(SocketShutdown.Send);
        }

        int timers = _time.Timers;
        await _time.AdvanceUntilAsync(() => _time.Timers >= timers + 20, TimeSpan.FromMilliseconds(100));
        run.IsCompleted.Should().BeFalse("it was checked many times");
        pod.SetResult();

        FakeTunnelSource.OpenedPair opened = await _tunnels.NextAsync();
        opened.InitialData.Should().Be("question");
        opened.Pair.Deliver("answer");
        opened.Pair.Complete();
        (await client.ReceiveToEndAsync()).Should().Be(("answer", false));
        client.Dispose();
        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Completed);
    }

    /// <summary>Lets time pass by the steps in which a waiting client is checked.</summary>
    private async Task PassAsync(TimeSpan time)
    {
        for (int i = 0; i < time.TotalMilliseconds / 100; i++)
        {
            int timers = _time.Timers;
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Waiting.UntilAsync(() => _time.Timers > timers);
        }
    }
}
