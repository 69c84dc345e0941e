using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using PortForward.Forwarding;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Forwarding;

/// <summary>The whole of it: real clients, real listeners, and a pod that is the test.</summary>
public sealed class PortForwarderTests : IDisposable
{
    private static readonly IReadOnlyList<ListenAddress> Loopback = ListenAddress.Parse(["127.0.0.1"]);

    private readonly FakeTunnelSource _tunnels = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<ForwardEvent> _events = new();
    private readonly List<IDisposable> _sockets = [];
    private readonly PortForwarderOptions _options;

    public PortForwarderTests() => _options = new PortForwarderOptions { OnEvent = _events.Enqueue };

    [Fact]
    public async Task A_connection_is_forwarded_to_the_port_behind_its_listener()
    {
        (PortForwarder forwarder, Task run) = await StartAsync(new PortMapping(0, 80), new PortMapping(0, 443));
        Socket client = await ConnectAsync(forwarder.Ports[1]);

        (FakePair pair, int port, _) = await _tunnels.NextAsync();
        await client.SendAsync("question");
        await Waiting.UntilAsync(() => pair.WrittenText == "question");
        pair.Deliver("answer");
        pair.Complete();

        port.Should().Be(443);
        (await client.ReceiveToEndAsync()).Should().Be(("answer", false));
        client.Dispose();
        await StopAsync(run);
    }

    [Fact]
    public async Task What_happens_is_told_in_order()
    {
        (PortForwarder forwarder, Task run) = await StartAsync(new PortMapping(0, 80));
        Socket client = await ConnectAsync(forwarder.Ports[0]);
        (FakePair pair, _, string initialData) = await _tunnels.NextAsync();
        await client.SendAsync("12345");
        await Waiting.UntilAsync(() => (initialData + pair.WrittenText).Length == 5);
        pair.Deliver("123");
        pair.EndData();
        pair.End(PairEndKind.Failed, "broken pipe");

        (await client.ReceiveToEndAsync()).Should().Be(("123", true));
        await Waiting.UntilAsync(() => _events.Count == 3);

        ForwardedPort port = forwarder.Ports.Single();
        _events.Take(2).Should().Equal(new ListenerOpened(port), new ConnectionAccepted(1, port));
        ConnectionClosed closed = _events.Last().Should().BeOfType<ConnectionClosed>().Subject;
        (closed.Id, closed.Port, closed.BytesSent, closed.BytesReceived).Should().Be((1, port, 5, 3));
        closed.End.Should().Be(new ConnectionEnd(ConnectionEndKind.PodFailed) { PodMessage = "broken pipe" });
        closed.Duration.Should().BeGreaterThan(TimeSpan.Zero);
        await StopAsync(run);
    }

    [Fact]
    public async Task It_is_ready_when_a_tunnel_is_established_and_the_listeners_are_open_and_not_before()
    {
        var gate = new TaskCompletionSource();
        _tunnels.Gate = gate.Task;
        var forwarder = new PortForwarder(_tunnels, Loopback, [new PortMapping(0, 80), new PortMapping(0, 80)], _options);
        Task run = forwarder.RunAsync(_stop.Token);

        forwarder.Ready.IsCompleted.Should().BeFalse();
        _events.Should().BeEmpty("nothing listens before a tunnel is established");
        forwarder.Invoking(early => early.Ports).Should().Throw<InvalidOperationException>().WithMessage("*Ready*");
        gate.SetResult();
        await forwarder.Ready.Soon();

        forwarder.Ports.Should().HaveCount(2).And.AllSatisfy(port => port.Tcp.Port.Should().BePositive());
        _events.Should().Equal(forwarder.Ports.Select(port => new ListenerOpened(port)));
        await StopAsync(run);
    }

    [Fact]
    public async Task When_no_tunnel_can_be_opened_it_does_not_start_and_says_why()
    {
        _tunnels.Fault = new TunnelFault(TunnelFaultKind.Refused, "the server answered the upgrade with 403 Forbidden") { Cause = new IOException() };
        var forwarder = new PortForwarder(_tunnels, Loopback, [new PortMapping(0, 80)], _options);

        Func<Task> run = () => forwarder.RunAsync(_stop.Token);

        PortForwardException thrown = (await run.Should().ThrowAsync<PortForwardException>().WithMessage("the server answered the upgrade with 403 Forbidden")).Which;
        thrown.Fault.Should().BeSameAs(_tunnels.Fault);
        thrown.InnerException.Should().BeSameAs(_tunnels.Fault.Cause);
        (await forwarder.Invoking(failed => failed.Ready).Should().ThrowAsync<PortForwardException>()).Which.Should().BeSameAs(thrown);
        _events.Should().BeEmpty();
        await _tunnels.Disposed.Soon();
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told_and_the_others_are_served()
    {
        int taken = Occupy();

        (PortForwarder forwarder, Task run) = await StartAsync(new PortMapping(taken, 80), new PortMapping(0, 81));

        forwarder.Ports.Select(port => port.TargetPort).Should().Equal(81);
        PortUnavailable unavailable = _events.First().Should().BeOfType<PortUnavailable>().Subject;
        (unavailable.LocalPort, unavailable.TargetPort).Should().Be((taken, 80));
        unavailable.Failures.Single().EndPoint.Should().Be(new IPEndPoint(IPAddress.Loopback, taken));
        unavailable.Failures.Single().Reason.InUse.Should().BeTrue();
        _events.Last().Should().Be(new ListenerOpened(forwarder.Ports[0]));
        await ConnectAsync(forwarder.Ports[0]);
        await _tunnels.NextAsync();
        await StopAsync(run);
    }

    [Fact]
    public async Task When_no_port_can_be_served_it_does_not_start()
    {
        int first = Occupy(), second = Occupy();
        var forwarder = new PortForwarder(_tunnels, Loopback, [new PortMapping(first, 80), new PortMapping(second, 443)], _options);

        Func<Task> run = () => forwarder.RunAsync(_stop.Token);

        (await run.Should().ThrowAsync<PortForwardException>())
            .WithMessage($"unable to listen on any of the requested ports: [{{{first} 80}} {{{second} 443}}]").Which.Fault.Should().BeNull();
        _events.Should().HaveCount(2).And.AllBeOfType<PortUnavailable>();
        forwarder.Ready.IsFaulted.Should().BeTrue();
        await _tunnels.Disposed.Soon();
    }

    [Fact]
    public async Task Where_all_ports_are_required_one_that_is_taken_is_a_failure_of_the_start_and_the_others_are_closed_again()
    {
        int free = Occupy(), taken = Occupy();
        ((TcpListener)_sockets[0]).Stop();
        var forwarder = new PortForwarder(_tunnels, Loopback, [new PortMapping(free, 80), new PortMapping(taken, 443)], _options with { RequireAllPorts = true });

        Func<Task> run = () => forwarder.RunAsync(_stop.Token);

        await run.Should().ThrowAsync<PortForwardException>().WithMessage($"unable to listen on port {taken}: 127.0.0.1:{taken}: address already in use");
        await _tunnels.Disposed.Soon();
        using var again = new TcpListener(IPAddress.Loopback, free);
        again.Start();
    }

    [Fact]
    public async Task Connections_and_their_bytes_are_counted_while_they_are_open_and_after_that()
    {
        (PortForwarder forwarder, Task run) = await StartAsync(new PortMapping(0, 80));
        Socket first = await ConnectAsync(forwarder.Ports[0]);
        FakePair pair = (await _tunnels.NextAsync()).Pair;
        await ConnectAsync(forwarder.Ports[0]);
        await _tunnels.NextAsync();
        await first.SendAsync("question");
        pair.Deliver("answer");

        await Waiting.UntilAsync(() => forwarder.Counters == new ConnectionCounters(Accepted: 2, Open: 2, BytesSent: 8, BytesReceived: 6));

        first.Reset();
        await Waiting.UntilAsync(() => forwarder.Counters == new ConnectionCounters(Accepted: 2, Open: 1, BytesSent: 8, BytesReceived: 6));
        await StopAsync(run);
        forwarder.Counters.Open.Should().Be(0);
    }

    [Fact]
    public async Task An_address_that_its_group_can_do_without_is_told()
    {
        using TcpListener elsewhere = ListenWhereLoopbackIsFree(IPAddress.Parse("127.0.0.2"));
        int taken = ((IPEndPoint)elsewhere.LocalEndpoint).Port;
        ListenAddress[] addresses = [new(IPAddress.Loopback, "localhost"), new(IPAddress.Parse("127.0.0.2"), "localhost")];
        var forwarder = new PortForwarder(_tunnels, addresses, [new PortMapping(taken, 80)], _options);

        Task run = forwarder.RunAsync(_stop.Token);
        await forwarder.Ready.Soon();

        forwarder.Ports.Single().Local.Should().Be(new IPEndPoint(IPAddress.Loopback, taken));
        _events.First().Should().Be(new ListenerPartial(new IPEndPoint(IPAddress.Parse("127.0.0.2"), taken), new ListenFailure(SocketError.AddressAlreadyInUse)));
        await StopAsync(run);
    }

    [Fact]
    public async Task A_fault_of_one_connection_does_not_touch_another_one_or_the_listener()
    {
        (PortForwarder forwarder, Task run) = await StartAsync(new PortMapping(0, 80));
        Socket good = await ConnectAsync(forwarder.Ports[0]);
        FakePair goodPair = (await _tunnels.NextAsync()).Pair;
        Socket refused = await ConnectAsync(forwarder.Ports[0]);
        FakePair refusedPair = (await _tunnels.NextAsync()).Pair;
        Socket gone = await ConnectAsync(forwarder.Ports[0]);
        FakePair gonePair = (await _tunnels.NextAsync()).Pair;

        refusedPair.EndData();
        refusedPair.End(PairEndKind.Failed, "connection refused");
        gone.Reset();
        (await refused.ReceiveToEndAsync()).WasReset.Should().BeTrue();
        await gonePair.WasReset.Soon();
        var gate = new TaskCompletionSource();
        _tunnels.Gate = gate.Task; // It waits until it is connected: a reset that comes earlier fails the connect itself.
        _tunnels.Fault = new TunnelFault(TunnelFaultKind.Unreachable, "no route to host");
        Socket unlucky = await ConnectAsync(forwarder.Ports[0]);
        gate.SetResult();
        (await unlucky.ReceiveToEndAsync()).WasReset.Should().BeTrue();
        _tunnels.Fault = null;

        goodPair.Deliver("still here");
        (await good.ReceiveTextAsync(10)).Should().Be("still here");
        await ConnectAsync(forwarder.Ports[0]);
        await _tunnels.NextAsync();
        await Waiting.UntilAsync(() => _events.OfType<ConnectionClosed>().Count() == 3);
        _events.OfType<ConnectionClosed>().Select(closed => closed.End.Kind).Should().BeEquivalentTo(
            [ConnectionEndKind.PodFailed, ConnectionEndKind.ClientGone, ConnectionEndKind.NoTunnel]);
        await StopAsync(run);
    }

    [Fact]
    public async Task Stopping_resets_open_connections_and_closes_the_listeners()
    {
        (PortForwarder forwarder, Task run) = await StartAsync(new PortMapping(0, 80));
        Socket first = await ConnectAsync(forwarder.Ports[0]), second = await ConnectAsync(forwarder.Ports[0]);
        await _tunnels.NextAsync();
        await _tunnels.NextAsync();

        await StopAsync(run);

        (await first.ReceiveToEndAsync()).WasReset.Should().BeTrue();
        (await second.ReceiveToEndAsync()).WasReset.Should().BeTrue();
        _events.OfType<ConnectionClosed>().Select(closed => closed.End.Kind).Should().Equal(ConnectionEndKind.Stopped, ConnectionEndKind.Stopped);
        Func<Task> connect = () => ConnectAsync(forwarder.Ports[0]);
        await connect.Should().ThrowAsync<SocketException>();
        await _tunnels.Disposed.Soon();
    }

    [Fact]
    public async Task Stopping_while_an_upload_is_stalled_ends_promptly()
    {
        (PortForwarder forwarder, Task run) = await StartAsync(new PortMapping(0, 80));
        Socket client = await ConnectAsync(forwarder.Ports[0]);
        FakePair pair = (await _tunnels.NextAsync()).Pair;
        pair.Stall();
        await client.SendAsync("stalled");
        await pair.Writing.Soon();

        await StopAsync(run);

        (await client.ReceiveToEndAsync()).WasReset.Should().BeTrue();
        _events.OfType<ConnectionClosed>().Single().End.Kind.Should().Be(ConnectionEndKind.Stopped);
    }

    [Fact]
    public async Task Stopped_before_it_is_ready_it_ends_quietly()
    {
        _tunnels.Gate = new TaskCompletionSource().Task;
        var forwarder = new PortForwarder(_tunnels, Loopback, [new PortMapping(0, 80)], _options);
        Task run = forwarder.RunAsync(_stop.Token);

        await StopAsync(run);

        forwarder.Ready.IsCanceled.Should().BeTrue();
        _events.Should().BeEmpty();
        await _tunnels.Disposed.Soon();
    }

    [Fact]
    public async Task Clients_beyond_the_limit_are_served_when_others_have_ended()
    {
        var forwarder = new PortForwarder(_tunnels, Loopback, [new PortMapping(0, 80)], _options with { MaxConnections = 2 });
        Task run = forwarder.RunAsync(_stop.Token);
        await forwarder.Ready.Soon();
        for (int round = 0; round < 5; round++)
        {
            Socket[] clients = [await ConnectAsync(forwarder.Ports[0]), await ConnectAsync(forwarder.Ports[0]), await ConnectAsync(forwarder.Ports[0])];
            FakePair first = (await _tunnels.NextAsync()).Pair, second = (await _tunnels.NextAsync()).Pair;
            _tunnels.OpenedPairs.Should().Be((round * 3) + 2, "the third client waits");

            first.Complete();
            clients[0].Dispose();

            FakePair third = (await _tunnels.NextAsync()).Pair;
            second.Complete();
            third.Complete();
            clients[1].Dispose();
            clients[2].Dispose();
            await Waiting.UntilAsync(() => _events.OfType<ConnectionClosed>().Count() == (round + 1) * 3);
        }

        _events.OfType<OutOfDescriptors>().Should().ContainSingle();
        await StopAsync(run);
    }

    [Fact]
    public async Task It_runs_once()
    {
        (PortForwarder forwarder, Task run) = await StartAsync(new PortMapping(0, 80));

        Func<Task> again = () => forwarder.RunAsync(_stop.Token);

        await again.Should().ThrowAsync<InvalidOperationException>().WithMessage("*once*");
        run.IsCompleted.Should().BeFalse("the first run goes on");
        await StopAsync(run);
    }

    [Fact]
    public void Without_addresses_or_ports_there_is_nothing_to_forward()
    {
        Action noAddress = () => _ = new PortForwarder(_tunnels, [], [new PortMapping(0, 80)]);
        Action noPort = () => _ = new PortForwarder(_tunnels, Loopback, []);

        noAddress.Should().Throw<ArgumentException>().WithMessage("You must specify at least 1 address to listen on.*");
        noPort.Should().Throw<ArgumentException>().WithMessage("You must specify at least 1 port to forward.*");
    }

    [Fact]
    public void Without_a_connection_that_may_be_open_there_is_nothing_to_forward_either()
    {
        Action create = () => _ = new PortForwarder(_tunnels, Loopback, [new PortMapping(0, 80)], new PortForwarderOptions { MaxConnections = 0 });

        create.Should().Throw<ArgumentException>().WithMessage("At least 1 connection must be allowed.*");
    }

    [Theory]
    [InlineData(-1, 80)]
    [InlineData(65536, 80)]
    [InlineData(0, 0)]
    [InlineData(0, 65536)]
    public void Ports_out_of_range_are_refused(int local, int target)
    {
        Action create = () => _ = new PortForwarder(_tunnels, Loopback, [new PortMapping(local, target)]);

        create.Should().Throw<ArgumentException>().WithMessage($"*{local}:{target}*out of range*");
    }

    [Fact]
    public async Task From_a_dialer_it_makes_a_pool_of_its_own()
    {
        var dialer = new FakeDialer();
        var forwarder = new PortForwarder(dialer, Loopback, [new PortMapping(0, 80)]);
        Task run = forwarder.RunAsync(_stop.Token);
        await forwarder.Ready.Soon();
        Socket client = await ConnectAsync(forwarder.Ports[0]);
        await Waiting.UntilAsync(() => dialer.Tunnels.First().Pairs.Count == 1);

        dialer.Tunnels.First().Pairs.Single().Deliver("hello");

        (await client.ReceiveTextAsync(5)).Should().Be("hello");
        await StopAsync(run);
        dialer.Tunnels.First().Disposals.Should().Be(1);
    }

    [Fact]
    public async Task Connections_that_meet_the_end_of_the_forward_do_not_disturb_it()
    {
        for (int round = 0; round < 20; round++)
        {
            using var stop = new CancellationTokenSource();
            var closed = new ConcurrentQueue<ForwardEvent>();
            var forwarder = new PortForwarder(new FakeDialer(), Loopback, [new PortMapping(0, 80)], new PortForwarderOptions { OnEvent = closed.Enqueue });
            Task run = forwarder.RunAsync(stop.Token);
            await forwarder.Ready.Soon();
            Task<Socket>[] clients = [.. Enumerable.Range(0, 20).Select(_ => Sockets.ConnectAsync(forwarder.Ports[0].Local))];
            await clients[0];

            await stop.CancelAsync();
            await run.Soon();

            foreach (Task<Socket> client in clients)
            {
                await ((Task)client).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
                if (client.IsCompletedSuccessfully)
                {
                    (await client).Dispose();
                }
            }

            closed.OfType<ConnectionClosed>().Should().HaveSameCount(closed.OfType<ConnectionAccepted>());
        }
    }

    public void Dispose()
    {
        _stop.Dispose();
        foreach (IDisposable socket in _sockets)
        {
            socket.Dispose();
        }
    }

    private async Task<(PortForwarder Forwarder, Task Run)> StartAsync(params PortMapping[] ports)
    {
        var forwarder = new PortForwarder(_tunnels, Loopback, ports, _options);
        Task run = forwarder.RunAsync(_stop.Token);
        await forwarder.Ready.Soon();
        return (forwarder, run);
    }

    private async Task StopAsync(Task run)
    {
        await _stop.CancelAsync();
        await run.Soon();
    }

    private async Task<Socket> ConnectAsync(ForwardedPort port)
    {
        Socket client = await Sockets.ConnectAsync(port.Local);
        _sockets.Add(client);
        return client;
    }

    /// <summary>Listens on a port that is free on the loopback too: the system promises it for no address but its own.</summary>
    private static TcpListener ListenWhereLoopbackIsFree(IPAddress address)
    {
        while (true)
        {
            var listener = new TcpListener(address, 0);
            listener.Start();
            try
            {
                using var loopback = new TcpListener(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndpoint).Port);
                loopback.Start();
                return listener;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                listener.Dispose();
            }
        }
    }

    /// <summary>Takes a random port of the loopback and returns it.</summary>
    private int Occupy()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _sockets.Add(listener);
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
