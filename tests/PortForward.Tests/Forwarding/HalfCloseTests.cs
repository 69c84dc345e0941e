using System.Net.Sockets;
using PortForward.Forwarding;
using PortForward.Tests.Support;

namespace PortForward.Tests.Forwarding;

/// <summary>How long the end of the client's data is held back.</summary>
public sealed class HalfCloseTests : ConnectionPumpTestBase
{
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
        await Waiting.UntilAsync(() => client.Available > 0 && _time.Timers > 0);

        for (int i = 0; i < 30; i++)
        {
            int timers = _time.Timers;
            _time.Advance(TimeSpan.FromSeconds(10));
            await Waiting.UntilAsync(() => _time.Timers > timers); // It has decided to wait on.
        }

        pair.Calls.Should().NotContain("finish");
        Task<(byte[] Bytes, bool WasReset)> read = client.ReceiveBytesToEndAsync();
        await Waiting.UntilAsync(() => pump.BytesReceived == answer.Length);
        await _time.AdvanceUntilAsync(pair.Finished, TimeSpan.FromMilliseconds(100));
        pair.Complete();
        (await read).Bytes.Should().HaveCount(answer.Length);
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
}
