using System.Net;
using System.Net.Sockets;
using PortForward.Forwarding;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Forwarding;

/// <summary>The pump between a real client on the loopback and a pod that is the test.</summary>
public sealed class ConnectionPumpTests : IDisposable
{
    private readonly FakeTunnelSource _tunnels = new();
    private readonly CountingTime _time = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly PortForwarderOptions _options;
    private readonly List<IDisposable> _sockets = [];

    public ConnectionPumpTests() => _options = new PortForwarderOptions { Time = _time };

    public static TheoryData<PairEndKind, ConnectionEndKind> BadEnds => new()
    {
        { PairEndKind.Failed, ConnectionEndKind.PodFailed },
        { PairEndKind.Reset, ConnectionEndKind.PodReset },
        { PairEndKind.TunnelLost, ConnectionEndKind.TunnelLost },
        { PairEndKind.Unanswered, ConnectionEndKind.Unanswered },
    };

    [Fact]
    public async Task What_the_client_has_sent_already_rides_along_with_the_opening()
    {
        (Socket client, Socket accepted) = await ConnectAsync();
        await client.SendAsync("GET / ");
        await Waiting.UntilAsync(() => accepted.Available == 6);

        (ConnectionPump pump, _, FakePair pair) = await StartAsync(accepted, expectedInitialData: "GET / ");
        await client.SendAsync("HTTP/1.1");
        await Waiting.UntilAsync(() => pair.WrittenText == "HTTP/1.1");

        await Waiting.UntilAsync(() => pump.BytesSent == 14);
    }

    [Fact]
    public async Task More_than_fits_into_the_opening_follows_it()
    {
        (Socket client, Socket accepted) = await ConnectAsync();
        await client.SendAsync(new string('x', 1500));
        await Waiting.UntilAsync(() => accepted.Available == 1500);

        (ConnectionPump pump, _, FakePair pair) = await StartAsync(accepted, expectedInitialData: new string('x', 1000));

        await Waiting.UntilAsync(() => pair.WrittenText == new string('x', 500));
        await Waiting.UntilAsync(() => pump.BytesSent == 1500);
    }

    [Fact]
    public async Task A_server_may_speak_first()
    {
        (Socket client, ConnectionPump pump, _, FakePair pair) = await StartAsync();

        pair.Deliver("220 ready");

        (await client.ReceiveTextAsync(9)).Should().Be("220 ready");
        await Waiting.UntilAsync(() => pump.BytesReceived == 9);
        pump.BytesSent.Should().Be(0);
    }

    [Fact]
    public async Task FIN_comes_only_after_the_completion_status_says_that_the_answer_is_whole()
    {
        (Socket client, _, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();
        pair.Deliver("answer");
        pair.EndData();
        (await client.ReceiveTextAsync(6)).Should().Be("answer");
        Task<(string Text, bool WasReset)> end = client.ReceiveToEndAsync();

        await Task.WhenAny(end, Task.Delay(30));
        end.IsCompleted.Should().BeFalse("the end of the data says nothing about the answer");
        pair.End(PairEndKind.Completed);

        (await end).Should().Be(("", false));
        client.Dispose();
        (await run.Soon()).Should().Be(new ConnectionEnd(ConnectionEndKind.Completed));
        pair.Calls.Should().NotContain("reset").And.Contain("dispose");
    }

    [Theory]
    [MemberData(nameof(BadEnds))]
    public async Task Any_other_completion_status_is_a_reset_after_everything_that_was_received(PairEndKind status, ConnectionEndKind kind)
    {
        (Socket client, _, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();
        string? message = status == PairEndKind.Failed ? "connection refused" : null;

        pair.Deliver("half an ans");
        pair.EndData();
        pair.End(status, message);

        (await _time.AdvanceUntilAsync(client.ReceiveToEndAsync(), TimeSpan.FromMilliseconds(5))).Should().Be(("half an ans", true));
        ConnectionEnd end = await _time.AdvanceUntilAsync(run, TimeSpan.FromMilliseconds(5));
        (end.Kind, end.PodMessage).Should().Be((kind, message));
        await pair.Disposed.Soon();
    }

    [Fact]
    public async Task A_completion_status_that_does_not_come_is_a_reset()
    {
        (Socket client, _, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();
        pair.Deliver("answer");
        pair.EndData();
        (await client.ReceiveTextAsync(6)).Should().Be("answer");
        long started = _time.GetTimestamp();

        (await _time.AdvanceUntilAsync(client.ReceiveToEndAsync(), TimeSpan.FromMilliseconds(100))).WasReset.Should().BeTrue();

        _time.GetElapsedTime(started).Should().BeGreaterThanOrEqualTo(_options.CompletionStatusTimeout);
        (await _time.AdvanceUntilAsync(run, TimeSpan.FromMilliseconds(5))).Kind.Should().Be(ConnectionEndKind.NoCompletionStatus);
    }

    [Fact]
    public async Task A_slow_client_gets_everything_before_the_reset_as_long_as_it_reads()
    {
        (Socket client, Socket accepted) = await ConnectAsync(receiveBuffer: 4096);
        (_, Task<ConnectionEnd> run, FakePair pair) = await StartAsync(accepted);
        byte[] answer = new byte[1024 * 1024];
        new Random(3).NextBytes(answer);
        pair.Deliver(answer);
        pair.EndData();
        pair.End(PairEndKind.Failed, "broken pipe");
        await pair.Disposed.Soon();
        long started = _time.GetTimestamp();

        (byte[] received, bool wasReset) = await _time.AdvanceUntilAsync(
            client.ReceiveBytesToEndAsync(afterEach: () => _time.Advance(TimeSpan.FromMilliseconds(40))), TimeSpan.FromMilliseconds(1));

        received.Should().Equal(answer);
        wasReset.Should().BeTrue();
        _time.GetElapsedTime(started).Should().BeGreaterThan(_options.LingerTimeout, "a client that is slow is not one that does not read");
        (await _time.AdvanceUntilAsync(run, TimeSpan.FromMilliseconds(5))).Kind.Should().Be(ConnectionEndKind.PodFailed);
    }

    [Fact]
    public async Task A_client_that_does_not_read_at_all_is_reset_after_a_while()
    {
        (Socket _, Socket accepted) = await ConnectAsync(receiveBuffer: 4096);
        (_, Task<ConnectionEnd> run, FakePair pair) = await StartAsync(accepted);
        pair.Deliver(new byte[200_000]);
        pair.EndData();
        pair.End(PairEndKind.Reset);
        await pair.Disposed.Soon();
        long started = _time.GetTimestamp();

        (await _time.AdvanceUntilAsync(run, TimeSpan.FromMilliseconds(100))).Kind.Should().Be(ConnectionEndKind.PodReset);

        _time.GetElapsedTime(started).Should().BeGreaterThanOrEqualTo(_options.LingerTimeout);
    }

    [Fact]
    public async Task The_end_of_the_clients_data_is_passed_on_only_after_the_pod_has_been_silent_for_a_while()
    {
        (Socket client, _, _, FakePair pair) = await StartAsync();
        client.Shutdown(SocketShutdown.Send);
        for (int i = 0; i < 20; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            pair.Deliver("x");
            (await client.ReceiveTextAsync(1)).Should().Be("x");
        }

        pair.Calls.Should().NotContain("finish", "an answer that is still coming would be cut");
        long silent = _time.GetTimestamp();
        await _time.AdvanceUntilAsync(pair.Finished, TimeSpan.FromMilliseconds(100));

        _time.GetElapsedTime(silent).Should().BeGreaterThanOrEqualTo(_options.HalfCloseTimeout - TimeSpan.FromSeconds(1));
        pair.Deliver("late but whole");
        pair.Complete();
        (await client.ReceiveToEndAsync()).Should().Be(("late but whole", false));
    }

    [Fact]
    public async Task The_end_of_the_clients_data_is_passed_on_after_a_long_hold_too()
    {
        (Socket client, Socket accepted) = await ConnectAsync();
        (_, _, FakePair pair) = await StartAsync(accepted, _options with { HalfCloseTimeout = TimeSpan.FromSeconds(30) });
        client.Shutdown(SocketShutdown.Send);

        await _time.AdvanceUntilAsync(pair.Finished, TimeSpan.FromMilliseconds(250)); // One check of the client each time.
    }

    [Fact]
    public async Task Without_a_half_close_timeout_the_end_is_passed_on_at_once()
    {
        (Socket client, Socket accepted) = await ConnectAsync();
        (_, _, FakePair pair) = await StartAsync(accepted, _options with { HalfCloseTimeout = TimeSpan.Zero });
        await client.SendAsync("question");

        client.Shutdown(SocketShutdown.Send);

        await pair.Finished.Soon();
        pair.WrittenText.Should().Be("question");
    }

    [Fact]
    public async Task When_the_pod_ends_first_it_is_never_told_that_the_client_has_finished()
    {
        (Socket client, _, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();
        client.Shutdown(SocketShutdown.Send);
        await Waiting.UntilAsync(() => _time.Timers == 1);

        pair.Deliver("answer");
        pair.Complete();

        (await client.ReceiveToEndAsync()).Should().Be(("answer", false));
        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Completed);
        pair.Calls.Should().NotContain("finish");
    }

    [Fact]
    public async Task A_client_that_does_not_read_does_not_count_as_a_silent_pod()
    {
        (Socket client, Socket accepted) = await ConnectAsync(receiveBuffer: 4096);
        (ConnectionPump pump, _, FakePair pair) = await StartAsync(accepted);
        byte[] answer = new byte[16 * 1024 * 1024];
        pair.Deliver(answer);
        client.Shutdown(SocketShutdown.Send);
        await Waiting.UntilAsync(() => client.Available > 0);

        for (int i = 0; i < 30; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(10));
            await Task.Delay(1);
        }

        pair.Calls.Should().NotContain("finish");
        Task<(byte[] Bytes, bool WasReset)> read = client.ReceiveBytesToEndAsync();
        await Waiting.UntilAsync(() => pump.BytesReceived == answer.Length);
        await _time.AdvanceUntilAsync(pair.Finished, TimeSpan.FromMilliseconds(100));
        pair.Complete();
        (await read).Bytes.Should().HaveCount(answer.Length);
    }

    [Fact]
    public async Task A_reset_of_the_client_is_passed_on_at_once()
    {
        (Socket client, _, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();

        client.Reset();

        await pair.WasReset.Soon();
        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.ClientGone);
        await pair.Disposed.Soon();
    }

    [Fact]
    public async Task A_client_that_goes_away_in_the_middle_of_the_answer_ends_the_connection()
    {
        (Socket client, Socket accepted) = await ConnectAsync(receiveBuffer: 4096);
        (ConnectionPump pump, Task<ConnectionEnd> run, FakePair pair) = await StartAsync(accepted);
        pair.Deliver(new byte[16 * 1024 * 1024]);
        (await client.ReceiveTextAsync(1000)).Should().HaveLength(1000);

        client.Reset();

        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.ClientGone);
        pump.BytesReceived.Should().BeLessThan(16 * 1024 * 1024);
        await pair.Disposed.Soon();
    }

    [Fact]
    public async Task A_client_that_has_gone_before_the_pump_starts_is_no_fault()
    {
        (Socket client, Socket accepted) = await ConnectAsync();
        client.Reset();

        var pump = new ConnectionPump(accepted, _tunnels, new ForwardedPort(new IPEndPoint(IPAddress.Loopback, 8080), 80), _options);

        (await _time.AdvanceUntilAsync(pump.RunAsync(_stop.Token), TimeSpan.FromMilliseconds(5))).Kind.Should().Be(ConnectionEndKind.ClientGone);
    }

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
    public async Task What_the_client_sends_after_the_pods_end_is_discarded_and_costs_it_nothing_of_the_answer()
    {
        (Socket client, ConnectionPump pump, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();
        pair.Deliver("early answer");
        pair.Complete();
        await pair.Disposed.Soon();
        for (int i = 0; i < 100; i++)
        {
            await client.SendAsync(new string('x', 10_000));
        }

        (await client.ReceiveToEndAsync()).Should().Be(("early answer", false));
        client.Dispose();

        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Completed);
        pair.WrittenText.Should().BeEmpty();
        pump.BytesSent.Should().Be(0);
    }

    [Fact]
    public async Task A_client_that_does_not_close_is_waited_for_only_so_long()
    {
        (Socket client, _, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();
        pair.Deliver("answer");
        pair.Complete();
        (await client.ReceiveToEndAsync()).Should().Be(("answer", false));
        run.IsCompleted.Should().BeFalse();
        long started = _time.GetTimestamp();

        (await _time.AdvanceUntilAsync(run, TimeSpan.FromMilliseconds(100))).Kind.Should().Be(ConnectionEndKind.Completed);

        _time.GetElapsedTime(started).Should().BeGreaterThanOrEqualTo(_options.LingerTimeout);
    }

    [Fact]
    public async Task A_pod_that_takes_no_more_may_still_answer()
    {
        (Socket client, ConnectionPump pump, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();
        pair.PodReads = false;
        await client.SendAsync("into the void");
        await pair.Writing.Soon();

        pair.Deliver("go away");
        pair.Complete();

        (await client.ReceiveToEndAsync()).Should().Be(("go away", false));
        client.Dispose();
        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Completed);
        pump.BytesSent.Should().Be(0);
    }

    [Fact]
    public async Task A_pod_that_does_not_read_is_felt_by_the_client_as_backpressure()
    {
        (Socket client, _, _, FakePair pair) = await StartAsync();
        pair.Stall();

        Task<int> flood = client.SendAsync(new byte[64 * 1024 * 1024]);
        await pair.Writing.Soon();
        await Task.WhenAny(flood, Task.Delay(30));

        flood.IsCompleted.Should().BeFalse();
        pair.Resume();
        (await flood.Soon()).Should().Be(64 * 1024 * 1024);
    }

    [Fact]
    public async Task Stopped_while_idle_both_sides_are_reset()
    {
        (Socket client, _, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();

        await _stop.CancelAsync();

        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Stopped);
        (await client.ReceiveToEndAsync()).WasReset.Should().BeTrue();
        await pair.WasReset.Soon();
        await pair.Disposed.Soon();
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

    [LinuxFact]
    public async Task A_client_that_has_closed_frees_its_tunnel_at_once_though_the_end_of_one_that_only_finished_is_held_back()
    {
        (Socket client, _, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();
        await client.SendAsync("the end");
        client.Shutdown(SocketShutdown.Send);
        await Waiting.UntilAsync(() => pair.WrittenText == "the end");
        _time.Advance(TimeSpan.FromSeconds(1));
        pair.ClosedByClient.IsCompleted.Should().BeFalse("it may wait for an answer");

        client.Close();
        await _time.AdvanceUntilAsync(() => pair.ClosedByClient.IsCompleted, TimeSpan.FromMilliseconds(1));

        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.ClientGone);
        pair.Calls.Should().StartWith(["write", "close", "dispose"]);
        pair.Finished.IsCompleted.Should().BeFalse("the pair passes the end on itself when it is disposed");
    }

    [Fact]
    public async Task Stopped_while_the_end_of_the_client_is_held_back_it_ends_at_once()
    {
        (Socket client, _, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();
        client.Shutdown(SocketShutdown.Send);
        await Waiting.UntilAsync(() => _time.Timers == 1);

        await _stop.CancelAsync();

        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Stopped);
        (await client.ReceiveToEndAsync()).WasReset.Should().BeTrue();
        pair.Calls.Should().NotContain("finish");
    }

    [Fact]
    public async Task Stopped_while_it_waits_for_the_completion_status_the_client_is_reset()
    {
        (Socket client, _, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();
        pair.Deliver("answer");
        pair.EndData();
        (await client.ReceiveTextAsync(6)).Should().Be("answer");
        await Waiting.UntilAsync(() => _time.Timers == 1);

        await _stop.CancelAsync();

        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Stopped);
        (await client.ReceiveToEndAsync()).WasReset.Should().BeTrue();
    }

    [Fact]
    public async Task Stopped_while_the_client_does_not_read_it_ends_at_once()
    {
        (Socket client, Socket accepted) = await ConnectAsync(receiveBuffer: 4096);
        (ConnectionPump pump, Task<ConnectionEnd> run, FakePair pair) = await StartAsync(accepted);
        pair.Deliver(new byte[16 * 1024 * 1024]);
        (await client.ReceiveTextAsync(1)).Should().HaveLength(1);

        await _stop.CancelAsync();

        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Stopped);
        pump.BytesReceived.Should().BeLessThan(16 * 1024 * 1024);
        await pair.Disposed.Soon();
    }

    [Fact]
    public async Task Stopped_while_an_upload_is_stalled_it_ends_as_soon_as_the_tunnel_does()
    {
        (Socket client, _, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();
        pair.Stall();
        await client.SendAsync("stalled");
        await pair.Writing.Soon();

        await _stop.CancelAsync();
        (await client.ReceiveToEndAsync()).WasReset.Should().BeTrue("the client need not wait for the tunnel");
        pair.Lose();

        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Stopped);
    }

    [Fact]
    public async Task Stopped_while_it_lingers_it_ends_at_once()
    {
        (Socket client, _, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();
        pair.Deliver("answer");
        pair.Complete();
        (await client.ReceiveToEndAsync()).Should().Be(("answer", false));
        await Waiting.UntilAsync(() => _time.Timers == 1);

        await _stop.CancelAsync();

        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Stopped);
    }

    public void Dispose()
    {
        _stop.Dispose();
        foreach (IDisposable socket in _sockets)
        {
            socket.Dispose();
        }
    }

    private async Task<(Socket Client, Socket Accepted)> ConnectAsync(int receiveBuffer = 0)
    {
        (Socket client, Socket accepted) = await Sockets.ConnectedPairAsync(receiveBuffer);
        _sockets.AddRange([client, accepted]);
        return (client, accepted);
    }

    private async Task<(ConnectionPump Pump, Task<ConnectionEnd> Run, FakePair Pair)> StartAsync(
        Socket accepted, PortForwarderOptions? options = null, string expectedInitialData = "")
    {
        var pump = new ConnectionPump(accepted, _tunnels, new ForwardedPort(new IPEndPoint(IPAddress.Loopback, 8080), 80), options ?? _options);
        Task<ConnectionEnd> run = pump.RunAsync(_stop.Token);
        FakeTunnelSource.OpenedPair opened = await _tunnels.NextAsync();
        (opened.Port, opened.InitialData).Should().Be((80, expectedInitialData));
        return (pump, run, opened.Pair);
    }

    private async Task<(Socket Client, ConnectionPump Pump, Task<ConnectionEnd> Run, FakePair Pair)> StartAsync()
    {
        (Socket client, Socket accepted) = await ConnectAsync();
        (ConnectionPump pump, Task<ConnectionEnd> run, FakePair pair) = await StartAsync(accepted);
        return (client, pump, run, pair);
    }

    /// <summary>Starts a connection that has sent something and gets no tunnel for now.</summary>
    private async Task<(Socket Client, Task<ConnectionEnd> Run)> HoldAsync(string alreadySent, Task? until = null, PortForwarderOptions? options = null)
    {
        (Socket client, Socket accepted) = await ConnectAsync();
        await client.SendAsync(alreadySent);
        await Waiting.UntilAsync(() => accepted.Available == alreadySent.Length);
        _tunnels.Gate = until ?? new TaskCompletionSource().Task;
        var pump = new ConnectionPump(accepted, _tunnels, new ForwardedPort(new IPEndPoint(IPAddress.Loopback, 8080), 80), options ?? _options);
        Task<ConnectionEnd> run = pump.RunAsync(_stop.Token);
        await Waiting.UntilAsync(() => _tunnels.Openings == 1);
        return (client, run);
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
