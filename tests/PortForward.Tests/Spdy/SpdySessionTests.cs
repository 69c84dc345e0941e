using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Tests.Spdy;

public sealed class SpdySessionTests
{
    [Fact]
    public async Task After_GOAWAY_open_streams_go_on_and_no_new_one_is_opened()
    {
        await using var fixture = new SpdyFixture();
        SpdyStream good = await fixture.OpenAsync();
        SpdyStream refused = await fixture.OpenAsync();
        fixture.Session.CanOpen.Should().BeTrue();

        await fixture.Peer.SendAsync(SpdyPeer.GoAway(lastGood: 1));

        (await refused.Completion.Soon()).Should().Be(new StreamEnd(StreamEndKind.ResetByPeer, ResetStatus.RefusedStream));
        (await refused.WriteAsync("x"u8.ToArray()).Soon()).Should().BeFalse();
        fixture.Session.CanOpen.Should().BeFalse();
        (await fixture.Session.OpenAsync([new StreamOpening(SpdyFixture.NoHeaders)], default).Soon()).Should().BeNull();
        (await good.WriteAsync("more"u8.ToArray()).Soon()).Should().BeTrue();
        (await fixture.Peer.ReadDataAsync(1)).Body.Should().Equal("more"u8.ToArray());
        await fixture.Peer.SendAsync(SpdyPeer.Data(1, "answer", fin: true));
        (await good.Input.ReadTextToEndAsync()).Should().Be("answer");
        fixture.Session.Completion.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task A_GOAWAY_that_comes_twice_can_only_refuse_more()
    {
        await using var fixture = new SpdyFixture();
        SpdyStream first = await fixture.OpenAsync();
        SpdyStream second = await fixture.OpenAsync();

        await fixture.Peer.SendAsync(SpdyPeer.GoAway(lastGood: 0x7fffffff));
        await fixture.SettleAsync();
        second.Completion.IsCompleted.Should().BeFalse();
        await fixture.Peer.SendAsync(SpdyPeer.GoAway(lastGood: 0, status: 2));

        (await first.Completion.Soon()).Kind.Should().Be(StreamEndKind.ResetByPeer);
        (await second.Completion.Soon()).Kind.Should().Be(StreamEndKind.ResetByPeer);
    }

    [Fact]
    public async Task A_ping_of_this_side_completes_with_its_own_pong()
    {
        await using var fixture = new SpdyFixture();

        Task<bool> first = fixture.Session.PingAsync();
        Task<bool> second = fixture.Session.PingAsync();

        (await fixture.Peer.ReadControlAsync(WireFrame.Ping)).Word(0).Should().Be(1);
        (await fixture.Peer.ReadControlAsync(WireFrame.Ping)).Word(0).Should().Be(3);
        await fixture.Peer.SendAsync(SpdyPeer.Ping(3), SpdyPeer.Ping(77), SpdyPeer.Ping(3));
        (await second.Soon()).Should().BeTrue();
        first.IsCompleted.Should().BeFalse();
        await fixture.Peer.SendAsync(SpdyPeer.Ping(1));
        (await first.Soon()).Should().BeTrue();
    }

    [Fact]
    public async Task The_peer_has_acknowledged_everything_once_each_of_its_workers_has_answered()
    {
        await using var fixture = new SpdyFixture();

        Task<bool> acknowledged = fixture.Session.RequestAcknowledgementAsync();

        for (uint id = 1; id <= 9; id += 2)
        {
            acknowledged.IsCompleted.Should().BeFalse();
            (await fixture.Peer.ReadControlAsync(WireFrame.Ping)).Word(0).Should().Be(id);
        }

        await fixture.Peer.SendAsync(SpdyPeer.Ping(1), SpdyPeer.Ping(3), SpdyPeer.Ping(7), SpdyPeer.Ping(9));
        await fixture.SettleAsync();
        acknowledged.IsCompleted.Should().BeFalse("one worker has not answered");
        await fixture.Peer.SendAsync(SpdyPeer.Ping(5));
        (await acknowledged.Soon()).Should().BeTrue();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(7)]
    public async Task One_ping_acknowledges_the_bytes_of_a_new_stream(int pingsBefore)
    {
        await using var fixture = new SpdyFixture(new SpdySessionOptions { AlignsStreamIds = true });
        for (int i = 0; i < pingsBefore; i++)
        {
            Task<bool> ping = fixture.Session.PingAsync();
            await fixture.Peer.SendAsync(SpdyPeer.Ping((await fixture.Peer.ReadControlAsync(WireFrame.Ping)).Word(0)));
            await ping.Soon();
        }

        SpdyStream[] streams = (await fixture.Session.OpenAsync([new StreamOpening([], Finish: true), new StreamOpening([])], "hello"u8.ToArray()))!;
        (streams[1].Id % 5).Should().Be((uint)pingsBefore % 5, "the next PING goes to the worker of that number");
        fixture.Session.HasUnacknowledgedData.Should().BeTrue();
        Task<bool> acknowledged = fixture.Session.RequestAcknowledgementAsync(streams[1], CancellationToken.None);
        await fixture.Peer.ReadSynStreamAsync();
        await fixture.Peer.ReadSynStreamAsync();
        await fixture.Peer.ReadDataAsync(streams[1].Id);
        WireFrame sent = await fixture.Peer.ReadControlAsync(WireFrame.Ping);
        await fixture.Peer.SendAsync(SpdyPeer.Ping(sent.Word(0)));

        (await acknowledged.Soon()).Should().BeTrue();
        fixture.Session.HasUnacknowledgedData.Should().BeFalse();
    }

    [Fact]
    public async Task Streams_beside_each_other_have_workers_of_their_own_as_long_as_there_are_enough()
    {
        await using var fixture = new SpdyFixture(new SpdySessionOptions { AlignsStreamIds = true });
        List<SpdyStream> open = [];
        for (int i = 0; i < 10; i++)
        {
            open.Add((await fixture.Session.OpenAsync([new StreamOpening([], Finish: true), new StreamOpening([])], "hello"u8.ToArray()))![1]);
        }

        open.Take(5).Select(stream => stream.Id % 5).Should().OnlyHaveUniqueItems();
        open.Skip(5).Select(stream => stream.Id % 5).Should().OnlyHaveUniqueItems();
        open[3].Reset();
        SpdyStream next = (await fixture.Session.OpenAsync([new StreamOpening([], Finish: true), new StreamOpening([])], default))![1];
        (next.Id % 5).Should().Be(open[3].Id % 5);
    }

    [Fact]
    public async Task A_stream_whose_worker_had_its_turn_takes_as_many_pings_as_it_is_away()
    {
        await using var fixture = new SpdyFixture(new SpdySessionOptions { AlignsStreamIds = true });
        SpdyStream stream = (await fixture.Session.OpenAsync([new StreamOpening([])], "hello"u8.ToArray()))![0];
        await fixture.Peer.ReadSynStreamAsync();
        await fixture.Peer.ReadDataAsync(stream.Id);
        _ = fixture.Session.PingAsync();
        await fixture.Peer.ReadControlAsync(WireFrame.Ping);

        Task<bool> acknowledged = fixture.Session.RequestAcknowledgementAsync(stream, CancellationToken.None);
        uint last = 0;
        for (int i = 0; i < 5; i++)
        {
            last = (await fixture.Peer.ReadControlAsync(WireFrame.Ping)).Word(0);
        }

        fixture.Session.HasUnacknowledgedData.Should().BeTrue();
        await fixture.Peer.SendAsync(SpdyPeer.Ping(last));
        (await acknowledged.Soon()).Should().BeTrue("what the other workers do does not matter");
    }

    [Fact]
    public async Task The_FIN_of_a_stream_goes_out_in_one_write_with_the_ping_that_acknowledges_it()
    {
        await using var fixture = new SpdyFixture(new SpdySessionOptions { AlignsStreamIds = true });
        SpdyStream stream = (await fixture.Session.OpenAsync([new StreamOpening([])], "hello"u8.ToArray()))![0];
        await fixture.Peer.ReadSynStreamAsync();
        await fixture.Peer.ReadDataAsync(stream.Id);
        int writes = fixture.Client.Writes.Count;

        Task<bool> acknowledged = fixture.Session.FinishAndRequestAcknowledgementAsync(stream, CancellationToken.None);

        uint ping = (await fixture.Peer.ReadControlAsync(WireFrame.Ping)).Word(0);
        (await fixture.Peer.ReadDataAsync(stream.Id)).Fin.Should().BeTrue();
        fixture.Client.Writes.Count.Should().Be(writes + 1);
        acknowledged.IsCompleted.Should().BeFalse();
        await fixture.Peer.SendAsync(SpdyPeer.Ping(ping));
        (await acknowledged.Soon()).Should().BeTrue();
    }

    [Fact]
    public async Task Data_that_waited_for_its_turn_ahead_of_the_FIN_is_acknowledged_by_later_pings()
    {
        await using var fixture = new SpdyFixture(new SpdySessionOptions { AlignsStreamIds = true }, transportBuffer: 64);
        SpdyStream stream = await fixture.OpenAsync(), other = await fixture.OpenAsync();
        Task<bool> held = other.WriteAsync(new byte[1000]).AsTask();
        Task<bool> waiting = stream.WriteAsync("late"u8.ToArray()).AsTask();

        Task<bool> acknowledged = fixture.Session.FinishAndRequestAcknowledgementAsync(stream, CancellationToken.None);

        await fixture.Peer.ReadDataAsync(other.Id);
        uint ping = (await fixture.Peer.ReadControlAsync(WireFrame.Ping)).Word(0);
        (await fixture.Peer.ReadDataAsync(stream.Id)).Body.Should().Equal("late"u8.ToArray());
        (await fixture.Peer.ReadDataAsync(stream.Id)).Fin.Should().BeTrue();
        (await held.Soon()).Should().BeTrue();
        await waiting.Soon(); // What it says depends on whether the end goes out before it looks.
        await fixture.Peer.SendAsync(SpdyPeer.Ping(ping));
        for (int i = 0; i < 5; i++)
        {
            ping = (await fixture.Peer.ReadControlAsync(WireFrame.Ping)).Word(0);
        }

        acknowledged.IsCompleted.Should().BeFalse("the ping went out before the data");
        await fixture.Peer.SendAsync(SpdyPeer.Ping(ping));
        (await acknowledged.Soon()).Should().BeTrue();
    }

    [Fact]
    public async Task A_stream_that_has_ended_before_is_acknowledged_too()
    {
        await using var fixture = new SpdyFixture(new SpdySessionOptions { AlignsStreamIds = true });
        SpdyStream stream = await fixture.OpenAsync();
        await stream.FinishAsync();
        (await fixture.Peer.ReadDataAsync(stream.Id)).Fin.Should().BeTrue();

        Task<bool> acknowledged = fixture.Session.FinishAndRequestAcknowledgementAsync(stream, CancellationToken.None);

        // How many PINGs it takes to reach the worker depends on the stream's id; the last one is it.
        uint ping = 0;
        for (int pings = 1 + (int)(stream.Id % 5); pings > 0; pings--)
        {
            ping = (await fixture.Peer.ReadControlAsync(WireFrame.Ping)).Word(0);
        }

        await fixture.Peer.SendAsync(SpdyPeer.Ping(ping));
        (await acknowledged.Soon()).Should().BeTrue();
    }

    [Fact]
    public async Task A_session_that_ends_acknowledges_nothing()
    {
        await using var fixture = new SpdyFixture();
        Task<bool> acknowledged = fixture.Session.RequestAcknowledgementAsync();

        await fixture.Session.DisposeAsync();

        (await acknowledged.Soon()).Should().BeFalse();
        (await fixture.Session.RequestAcknowledgementAsync()).Should().BeFalse();
    }

    [Fact]
    public async Task A_ping_of_the_peer_is_answered_with_the_same_frame()
    {
        await using var fixture = new SpdyFixture();

        await fixture.Peer.SendAsync(SpdyPeer.Ping(2), SpdyPeer.Ping(0), SpdyPeer.Ping(0xfffffffe));

        foreach (uint id in new uint[] { 2, 0, 0xfffffffe })
        {
            WireFrame pong = await fixture.Peer.ReadControlAsync(WireFrame.Ping);
            (pong.Word(0), pong.Flags).Should().Be((id, 0));
        }
    }

    [Fact]
    public async Task A_ping_that_is_withdrawn_is_forgotten()
    {
        await using var fixture = new SpdyFixture();
        using var cancel = new CancellationTokenSource();
        Task<bool> ping = fixture.Session.PingAsync(cancel.Token);

        await cancel.CancelAsync();

        await ping.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        await fixture.Peer.ReadControlAsync(WireFrame.Ping);
        await fixture.Peer.SendAsync(SpdyPeer.Ping(1));
        await fixture.SettleAsync();
    }

    [Fact]
    public async Task A_ping_without_pong_says_so_when_the_session_ends()
    {
        await using var fixture = new SpdyFixture();
        Task<bool> ping = fixture.Session.PingAsync();

        await fixture.Peer.DisposeAsync();

        (await ping.Soon()).Should().BeFalse();
        await fixture.Session.Completion.Soon();
        (await fixture.Session.PingAsync().Soon()).Should().BeFalse();
    }

    [Fact]
    public async Task A_stream_opened_by_the_peer_is_refused()
    {
        await using var fixture = new SpdyFixture();

        await fixture.Peer.SendAsync(SpdyPeer.Control(WireFrame.SynStream, 0, 0x80000002, 0, 0, 0));

        WireFrame rst = await fixture.Peer.ReadControlAsync(WireFrame.RstStream);
        (rst.Word(0), rst.Word(1)).Should().Be((2u, 3u));
        await fixture.SettleAsync();
    }

    [Fact]
    public async Task Frames_without_meaning_for_port_forwarding_are_ignored()
    {
        await using var fixture = new SpdyFixture();

        await fixture.Peer.SendAsync(
            SpdyPeer.Control(WireFrame.Settings, 1, 1, 0x01000004, 100), SpdyPeer.Control(WireFrame.WindowUpdate, 0, 1, 65536),
            SpdyPeer.Control(5, 0), SpdyPeer.Control(1000, 0xff, 1, 2, 3, 4, 5), SpdyPeer.Control(WireFrame.Settings, 0));
        await fixture.SettleAsync();

        fixture.Session.CanOpen.Should().BeTrue();
    }

    [Theory]
    [InlineData("8002000600000004" + "00000002", "*version 2*")]
    [InlineData("0000000000000001" + "00", "*stream 0*")]
    [InlineData("8003000300000008" + "0000000100000000", "*RST_STREAM with status 0*")]
    [InlineData("8003000300000009" + "000000010000000500", "*RST_STREAM of 9 bytes*")]
    [InlineData("8003000300000004" + "00000001", "*RST_STREAM of 4 bytes*")]
    [InlineData("8003000600000000", "*PING of 0 bytes*")]
    [InlineData("8003000700000004" + "00000001", "*GOAWAY of 4 bytes*")]
    [InlineData("8003000200000003" + "000000", "*SYN_REPLY of 3 bytes*")]
    [InlineData("8003000100000009" + "000000000000000000", "*SYN_STREAM of 9 bytes*")]
    [InlineData("485454502F312E3120343030204261642052657175657374", "*in the middle of a frame*")]
    public async Task An_illegal_frame_ends_the_session_and_says_what_was_wrong(string hex, string message)
    {
        await using var fixture = new SpdyFixture();
        SpdyStream stream = await fixture.OpenAsync();

        await fixture.Server.WriteAsync(Convert.FromHexString(hex));
        if (message.Contains("middle"))
        {
            await fixture.Server.DisposeAsync();
        }

        await fixture.Session.Completion.Soon();
        fixture.Session.Fault.Should().BeAssignableTo<IOException>().Which.Message.Should().Match(message);
        fixture.Session.CanOpen.Should().BeFalse();
        (await stream.Completion.Soon()).Kind.Should().Be(StreamEndKind.SessionLost);
        fixture.Client.IsDisposed.Should().BeTrue("the transport belongs to the session");
    }

    [Theory]
    [InlineData("80")]
    [InlineData("80030006000000")]
    [InlineData("8003000600000004")]
    [InlineData("80030006000000040000")]
    [InlineData("8003000200000010" + "00000001" + "00000000")]
    [InlineData("0000000100000004")]
    [InlineData("0000000100000004" + "616263")]
    [InlineData("0000006300000004" + "616263")]
    public async Task An_end_of_the_transport_inside_of_a_frame_is_a_fault(string hex)
    {
        await using var fixture = new SpdyFixture();
        SpdyStream stream = await fixture.OpenAsync();

        await fixture.Server.WriteAsync(Convert.FromHexString(hex));
        await fixture.Server.DisposeAsync();

        await fixture.Session.Completion.Soon();
        fixture.Session.Fault.Should().BeOfType<EndOfStreamException>().Which.Message.Should().Contain("in the middle of a frame");
        (await stream.Completion.Soon()).Kind.Should().Be(StreamEndKind.SessionLost);
    }

    [Fact]
    public async Task An_end_of_the_transport_between_frames_ends_the_session_gracefully()
    {
        await using var fixture = new SpdyFixture();
        await fixture.Peer.SendAsync(SpdyPeer.GoAway(0));

        await fixture.Peer.DisposeAsync();

        await fixture.Session.Completion.Soon();
        fixture.Session.Fault.Should().BeNull();
        fixture.Session.CanOpen.Should().BeFalse();
        fixture.Client.IsDisposed.Should().BeTrue();
    }

    [Fact]
    public async Task A_transport_that_breaks_ends_the_session_with_its_own_words()
    {
        await using var fixture = new SpdyFixture();
        SpdyStream stream = await fixture.OpenAsync();
        await fixture.Peer.SendAsync(SpdyPeer.Data(1, "some"));
        await fixture.SettleAsync();

        fixture.Server.Break(new IOException("connection reset by peer"));

        await fixture.Session.Completion.Soon();
        fixture.Session.Fault!.Message.Should().Be("connection reset by peer");
        (await stream.Input.ReadTextToEndAsync()).Should().Be("some");
    }

    [Fact]
    public async Task A_write_that_fails_ends_the_session()
    {
        await using var fixture = new SpdyFixture(transportBuffer: 100);
        SpdyStream stream = await fixture.OpenAsync();
        Task<bool> write = stream.WriteAsync(new byte[1000]).AsTask();

        await fixture.Server.DisposeAsync();

        (await write.Soon()).Should().BeFalse();
        await fixture.Session.Completion.Soon();
        (await stream.Completion.Soon()).Kind.Should().Be(StreamEndKind.SessionLost);
    }

    [Fact]
    public async Task Dispose_while_everything_is_under_way_ends_everything()
    {
        await using var fixture = new SpdyFixture(new SpdySessionOptions { StreamBufferSize = 100, ReceiveBufferSize = 16 }, transportBuffer: 200);
        SpdyStream stalledInput = await fixture.OpenAsync();
        SpdyStream stream = await fixture.OpenAsync();
        Task<byte[]> read = stream.Input.ReadToEndAsync();
        Task peer = fixture.Peer.SendAsync(SpdyPeer.Data(1, new byte[10_000])).ContinueWith(static _ => { }, TaskScheduler.Default);
        Task<bool> write = stream.WriteAsync(new byte[10_000]).AsTask();
        Task<bool> secondWrite = stalledInput.WriteAsync(new byte[10_000]).AsTask();
        Task<bool> finish = stalledInput.FinishAsync().AsTask();
        Task<SpdyStream[]?> open = fixture.Session.OpenAsync([new StreamOpening(SpdyFixture.NoHeaders)], default).AsTask();
        Task<bool> ping = fixture.Session.PingAsync();

        Task[] disposals = [fixture.Session.DisposeAsync().AsTask(), fixture.Session.DisposeAsync().AsTask()];

        await Task.WhenAll(disposals).Soon();
        await fixture.Session.Completion.Soon();
        (await read.Soon()).Should().BeEmpty();
        (await write.Soon()).Should().BeFalse();
        (await secondWrite.Soon()).Should().BeFalse();
        (await finish.Soon()).Should().BeFalse();
        (await open.Soon()).Should().BeNull();
        (await ping.Soon()).Should().BeFalse();
        (await stalledInput.Completion.Soon()).Kind.Should().Be(StreamEndKind.SessionLost);
        (await stream.Completion.Soon()).Kind.Should().Be(StreamEndKind.SessionLost);
        fixture.Session.Fault.Should().BeNull("disposing is no fault");
        stream.Reset();
        await peer.Soon();
    }

    [Fact]
    public async Task An_end_that_was_asked_for_is_not_overwritten_by_the_fault_it_causes()
    {
        await using var fixture = new SpdyFixture();

        await fixture.Session.DisposeAsync().Soon();
        await fixture.Session.DisposeAsync().Soon();

        fixture.Session.Fault.Should().BeNull();
    }

    [Fact]
    public async Task How_a_session_ends_is_logged()
    {
        var logger = new ListLogger();
        (DuplexStream client, DuplexStream server) = DuplexStream.CreatePair();
        await using (var session = new SpdySession(client, logger: logger))
        {
            await server.WriteAsync(SpdyPeer.GoAway(lastGood: 7, status: 2));
            await server.DisposeAsync();
            await session.Completion.Soon();
        }

        (client, server) = DuplexStream.CreatePair();
        await using (var session = new SpdySession(client, logger: logger))
        {
            await server.WriteAsync(SpdyPeer.Rst(1, 0));
            await session.Completion.Soon();
        }

        logger.Lines.Should().Equal(
            "Debug: GOAWAY from the peer: last good stream 7, status 2",
            "Debug: SPDY session closed by the peer",
            "Debug: SPDY session aborted: the peer sent a RST_STREAM with status 0, which is illegal (SPDY/3.1, 2.6.3)");
    }
}
