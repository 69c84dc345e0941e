using System.Net;
using System.Net.Sockets;
using PortForward.Forwarding;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Forwarding;

/// <summary>How the connection ends for the client, and what becomes of it when the client ends it.</summary>
public sealed class ClientEndTests : ConnectionPumpTestBase
{
    public static TheoryData<string, ConnectionEndKind> BadEnds => new()
    {
        { nameof(PairEndKind.Failed), ConnectionEndKind.PodFailed },
        { nameof(PairEndKind.Reset), ConnectionEndKind.PodReset },
        { nameof(PairEndKind.TunnelLost), ConnectionEndKind.TunnelLost },
        { nameof(PairEndKind.Unanswered), ConnectionEndKind.Unanswered },
    };

    [Fact]
    public async Task FIN_comes_only_after_the_completion_status_says_that_the_answer_is_whole()
    {
        (Socket client, _, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();
        pair.Deliver("answer");
        pair.EndData();
        (await client.ReceiveTextAsync(6)).Should().Be("answer");
        Task<(string Text, bool WasReset)> end = client.ReceiveToEndAsync();

        await Waiting.UntilAsync(() => _time.Timers == 1); // It waits for the completion status.
        end.IsCompleted.Should().BeFalse("the end of the data says nothing about the answer");
        pair.End(PairEndKind.Completed);

        (await end).Should().Be(("", false));
        client.Dispose();
        (await run.Soon()).Should().Be(new ConnectionEnd(ConnectionEndKind.Completed));
        pair.Calls.Should().NotContain("reset").And.Contain("dispose");
    }

    [Theory]
    [MemberData(nameof(BadEnds))]
    public async Task Any_other_completion_status_is_a_reset_after_everything_that_was_received(string status, ConnectionEndKind kind)
    {
        (Socket client, _, Task<ConnectionEnd> run, FakePair pair) = await StartAsync();
        string? message = status == nameof(PairEndKind.Failed) ? "connection refused" : null;

        pair.Deliver("half an ans");
        pair.EndData();
        pair.End(Enum.Parse<PairEndKind>(status), message);

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
            client.ReceiveBytesToEndAsync(afterEach: () => _time.Advance(TimeSpan.FromMilliseconds(25))), TimeSpan.FromMilliseconds(1));

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
}
