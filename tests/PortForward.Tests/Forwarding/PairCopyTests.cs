using System.Net.Sockets;
using PortForward.Forwarding;
using PortForward.Tests.Support;

namespace PortForward.Tests.Forwarding;

/// <summary>What is copied between the client and the pod, both ways, until one of them ends.</summary>
public sealed class PairCopyTests : ConnectionPumpTestBase
{
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
        await Task.WhenAny(flood, Task.Delay(30)); // Real time: the system does not tell when its buffers are full.

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
}
