using System.Collections.Concurrent;
using System.Net.Sockets;
using PortForward.Forwarding;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Forwarding;

/// <summary>Connections that come in on a socket file: they live and end as those of a port, but for the reset that the system does not have there.</summary>
public sealed class SocketForwardTests : IDisposable
{
    private static readonly IReadOnlyList<ListenAddress> Loopback = ListenAddress.Parse(["127.0.0.1"]);

    private readonly TemporaryFolder _folder = new();
    private readonly FakeTunnelSource _tunnels = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<ForwardEvent> _events = new();
    private readonly string _path;

    public SocketForwardTests() => _path = _folder["db.sock"];

    public void Dispose()
    {
        _stop.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_connection_is_carried_both_ways_and_ends_gracefully()
    {
        (PortForwarder forwarder, Task run) = await StartAsync();
        ForwardedPort port = forwarder.Ports.Should().ContainSingle().Subject;
        (port.Path, port.Label, port.TargetPort).Should().Be((_path, $"unix:{_path}", 5432));

        using Socket client = await Sockets.ConnectAsync(port.Local);
        (FakePair pair, _, string initialData) = await _tunnels.NextAsync();
        await client.SendAsync("question");
        await Waiting.UntilAsync(() => initialData + pair.WrittenText == "question");
        string whole = new('x', 3_000_000);
        pair.Deliver(whole);
        pair.Complete();

        (await client.ReceiveToEndAsync()).Should().Be((whole, false));
        client.Dispose();
        (await ClosedAsync()).End.Kind.Should().Be(ConnectionEndKind.Completed);
        await StopAsync(run);
        File.Exists(_path).Should().BeFalse();
    }

    [Fact]
    public async Task All_that_came_before_a_reset_arrives_and_then_the_end()
    {
        (PortForwarder forwarder, Task run) = await StartAsync();
        using Socket client = await Sockets.ConnectAsync(forwarder.Ports[0].Local);
        (FakePair pair, _, _) = await _tunnels.NextAsync();
        string part = new('x', 100_000);
        pair.Deliver(part);
        pair.EndData();
        pair.End(PairEndKind.Reset);

        (await ClosedAsync()).End.Kind.Should().Be(ConnectionEndKind.PodReset);
        (await client.ReceiveToEndAsync()).Text.Should().Be(part);
        await StopAsync(run);
    }

    [Fact]
    public async Task A_client_that_has_finished_sending_still_gets_its_answer()
    {
        (PortForwarder forwarder, Task run) = await StartAsync();
        using Socket client = await Sockets.ConnectAsync(forwarder.Ports[0].Local);
        (FakePair pair, _, _) = await _tunnels.NextAsync();
        client.Shutdown(SocketShutdown.Send);
        await Task.Delay(100);
        pair.Deliver("late");
        pair.Complete();

        (await client.ReceiveToEndAsync()).Should().Be(("late", false));
        (await ClosedAsync()).End.Kind.Should().Be(ConnectionEndKind.Completed);
        await StopAsync(run);
    }

    [Fact]
    public async Task One_that_has_closed_frees_its_tunnel_at_once()
    {
        if (!OperatingSystem.IsLinux())
        {
            return; // Others do not tell it from one that still reads.
        }

        (PortForwarder forwarder, Task run) = await StartAsync();
        Socket client = await Sockets.ConnectAsync(forwarder.Ports[0].Local);
        (FakePair pair, _, _) = await _tunnels.NextAsync();
        client.Dispose();

        await pair.ClosedByClient.Soon();
        pair.Complete();
        (await ClosedAsync()).End.Kind.Should().Be(ConnectionEndKind.ClientGone);
        await StopAsync(run);
    }

    [Fact]
    public async Task One_that_cannot_be_had_is_told_and_others_are_served()
    {
        await File.WriteAllTextAsync(_path, "precious");
        (PortForwarder forwarder, Task run) = await StartAsync(new PortMapping(0, 80));

        PortUnavailable unavailable = _events.OfType<PortUnavailable>().Should().ContainSingle().Subject;
        unavailable.Failures.Should().ContainSingle().Which.EndPoint.ToString().Should().Be(_path);
        forwarder.Ports.Should().ContainSingle().Which.TargetPort.Should().Be(80);
        await StopAsync(run);
        (await File.ReadAllTextAsync(_path)).Should().Be("precious");
    }

    private async Task<(PortForwarder Forwarder, Task Run)> StartAsync(params PortMapping[] more)
    {
        PortMapping[] all = [new PortMapping(0, 5432) { Path = _path }, .. more];
        var forwarder = new PortForwarder(_tunnels, Loopback, all, new PortForwarderOptions { OnEvent = _events.Enqueue });
        Task run = forwarder.RunAsync(_stop.Token);
        await forwarder.Ready.Soon();
        return (forwarder, run);
    }

    private async Task<ConnectionClosed> ClosedAsync()
    {
        await Waiting.UntilAsync(() => _events.OfType<ConnectionClosed>().Any());
        return _events.OfType<ConnectionClosed>().Single();
    }

    private async Task StopAsync(Task run)
    {
        await _stop.CancelAsync();
        await run.Soon();
    }
}
