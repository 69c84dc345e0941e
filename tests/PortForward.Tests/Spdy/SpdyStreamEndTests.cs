using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Tests.Spdy;

public sealed class SpdyStreamEndTests
{
    [Fact]
    public async Task FIN_of_the_peer_ends_its_half_after_all_bytes_and_leaves_ours_open()
    {
        await using var fixture = new SpdyFixture();
        SpdyStream stream = await fixture.OpenAsync();

        await fixture.Peer.SendAsync(SpdyPeer.SynReply(1), SpdyPeer.Data(1, "first "), SpdyPeer.Data(1, "last", fin: true));

        (await stream.Input.ReadTextToEndAsync()).Should().Be("first last");
        (await stream.Completion.Soon()).Should().Be(new StreamEnd(StreamEndKind.Finished));
        (await stream.WriteAsync("still"u8.ToArray()).Soon()).Should().BeTrue();
        (await fixture.Peer.ReadDataAsync(1)).Body.Should().Equal("still"u8.ToArray());
        (await stream.FinishAsync().Soon()).Should().BeTrue();
        WireFrame fin = await fixture.Peer.ReadDataAsync(1);
        (fin.Fin, fin.Body.Length).Should().Be((true, 0));
    }

    [Theory]
    [InlineData(WireFrame.SynReply)]
    [InlineData(WireFrame.Headers)]
    public async Task FIN_may_ride_on_a_frame_with_headers(int type)
    {
        await using var fixture = new SpdyFixture();
        SpdyStream stream = await fixture.OpenAsync();

        await fixture.Peer.SendAsync(SpdyPeer.Control(type, 0, 1, 0xdeadbeef, 0xdeadbeef, 0xdeadbeef));
        await fixture.SettleAsync();
        stream.Completion.IsCompleted.Should().BeFalse();
        await fixture.Peer.SendAsync(SpdyPeer.Control(type, flags: 1, 1));

        (await stream.Completion.Soon()).Kind.Should().Be(StreamEndKind.Finished);
        (await stream.Input.ReadToEndAsync()).Should().BeEmpty();
    }

    [Fact]
    public async Task Our_FIN_is_sent_once_and_nothing_after_it()
    {
        await using var fixture = new SpdyFixture();
        SpdyStream stream = await fixture.OpenAsync();

        (await stream.FinishAsync().Soon()).Should().BeTrue();
        (await stream.FinishAsync().Soon()).Should().BeFalse();
        (await stream.WriteAsync("late"u8.ToArray()).Soon()).Should().BeFalse();

        (await fixture.Peer.ReadDataAsync(1)).Fin.Should().BeTrue();
        await fixture.SettleAsync();
        await fixture.Peer.SendAsync(SpdyPeer.Data(1, "the answer", fin: true));
        (await stream.Input.ReadTextToEndAsync()).Should().Be("the answer");
    }

    [Theory]
    [InlineData((uint)ResetStatus.ProtocolError)]
    [InlineData((uint)ResetStatus.Cancel)]
    [InlineData(77)]
    public async Task RST_of_the_peer_ends_both_halves_after_the_bytes_before_it(uint status)
    {
        await using var fixture = new SpdyFixture();
        SpdyStream stream = await fixture.OpenAsync();

        await fixture.Peer.SendAsync(SpdyPeer.Data(1, "some"), SpdyPeer.Rst(1, status));

        (await stream.Completion.Soon()).Should().Be(new StreamEnd(StreamEndKind.ResetByPeer, (ResetStatus)status));
        (await stream.Input.ReadTextToEndAsync()).Should().Be("some");
        (await stream.WriteAsync("x"u8.ToArray()).Soon()).Should().BeFalse();
        (await stream.FinishAsync().Soon()).Should().BeFalse();
        stream.Reset();
        await fixture.SettleAsync();
    }

    [Fact]
    public async Task RST_after_FIN_leaves_the_end_as_it_was_but_closes_our_half()
    {
        await using var fixture = new SpdyFixture();
        SpdyStream stream = await fixture.OpenAsync();

        await fixture.Peer.SendAsync(SpdyPeer.Fin(1), SpdyPeer.Rst(1, 5));
        await fixture.SettleAsync();

        (await stream.Completion.Soon()).Kind.Should().Be(StreamEndKind.Finished);
        (await stream.WriteAsync("x"u8.ToArray()).Soon()).Should().BeFalse();
    }

    [Fact]
    public async Task A_local_reset_says_so_once_and_ends_both_halves_at_once()
    {
        await using var fixture = new SpdyFixture();
        SpdyStream stream = await fixture.OpenAsync();

        stream.Reset(ResetStatus.InternalError);
        stream.Reset();

        WireFrame rst = await fixture.Peer.ReadControlAsync(WireFrame.RstStream);
        (rst.Word(0), rst.Word(1)).Should().Be((1u, 6u));
        await fixture.SettleAsync();
        (await stream.Completion.Soon()).Should().Be(new StreamEnd(StreamEndKind.ResetLocally, ResetStatus.InternalError));
        (await stream.Input.ReadToEndAsync()).Should().BeEmpty();
        (await stream.WriteAsync("x"u8.ToArray()).Soon()).Should().BeFalse();
    }

    [Fact]
    public async Task Data_and_ends_that_arrive_after_a_local_reset_are_ignored_and_the_session_goes_on()
    {
        await using var fixture = new SpdyFixture();
        SpdyStream reset = await fixture.OpenAsync();
        SpdyStream other = await fixture.OpenAsync();
        reset.Reset();
        await fixture.Peer.ReadControlAsync(WireFrame.RstStream);

        await fixture.Peer.SendAsync(
            SpdyPeer.SynReply(1), SpdyPeer.Data(1, "late"), SpdyPeer.Data(1, new byte[200_000], fin: true), SpdyPeer.Rst(1, 5), SpdyPeer.Data(3, "fine", fin: true));

        (await other.Input.ReadTextToEndAsync()).Should().Be("fine");
        (await reset.Input.ReadToEndAsync()).Should().BeEmpty();
        (await reset.Completion.Soon()).Kind.Should().Be(StreamEndKind.ResetLocally);
        fixture.Session.Fault.Should().BeNull();
    }

    [Fact]
    public async Task A_stream_that_is_over_is_not_reset_any_more()
    {
        await using var fixture = new SpdyFixture();
        SpdyStream stream = await fixture.OpenAsync(finish: true);
        await fixture.Peer.SendAsync(SpdyPeer.Fin(1));
        await stream.Completion.Soon();

        stream.Reset();

        await fixture.SettleAsync();
        (await stream.Completion.Soon()).Kind.Should().Be(StreamEndKind.Finished);
    }

    [Fact]
    public async Task A_stream_that_the_peer_has_finished_can_still_be_reset()
    {
        await using var fixture = new SpdyFixture();
        SpdyStream stream = await fixture.OpenAsync();
        await fixture.Peer.SendAsync(SpdyPeer.Fin(1));
        await stream.Completion.Soon();

        stream.Reset();

        (await fixture.Peer.ReadControlAsync(WireFrame.RstStream)).StreamId.Should().Be(1);
        (await stream.Completion.Soon()).Kind.Should().Be(StreamEndKind.Finished);
    }

    [Fact]
    public async Task When_the_session_is_lost_every_stream_knows_and_keeps_the_bytes_that_came_before()
    {
        await using var fixture = new SpdyFixture();
        SpdyStream first = await fixture.OpenAsync();
        SpdyStream finished = await fixture.OpenAsync();
        await fixture.Peer.SendAsync(SpdyPeer.Data(1, "half an ans"), SpdyPeer.Fin(3));

        await fixture.Peer.DisposeAsync();

        (await first.Completion.Soon()).Kind.Should().Be(StreamEndKind.SessionLost);
        (await first.Input.ReadTextToEndAsync()).Should().Be("half an ans");
        (await finished.Completion.Soon()).Kind.Should().Be(StreamEndKind.Finished);
        (await first.WriteAsync("x"u8.ToArray()).Soon()).Should().BeFalse();
        (await finished.FinishAsync().Soon()).Should().BeFalse();
        await fixture.Session.Completion.Soon();
    }

    [Fact]
    public async Task Frames_after_FIN_of_the_peer_are_ignored()
    {
        await using var fixture = new SpdyFixture();
        SpdyStream stream = await fixture.OpenAsync();

        await fixture.Peer.SendAsync(SpdyPeer.Data(1, "all", fin: true), SpdyPeer.Data(1, "more"), SpdyPeer.Fin(1));
        await fixture.SettleAsync();

        (await stream.Input.ReadTextToEndAsync()).Should().Be("all");
        fixture.Session.Fault.Should().BeNull();
    }

    [Fact]
    public async Task Frames_of_unknown_streams_are_ignored()
    {
        await using var fixture = new SpdyFixture();
        SpdyStream stream = await fixture.OpenAsync();

        await fixture.Peer.SendAsync(
            SpdyPeer.Data(2, "even"), SpdyPeer.Data(99, "never opened", fin: true), SpdyPeer.Data(99, ""), SpdyPeer.Rst(98, 2),
            SpdyPeer.SynReply(97), SpdyPeer.SynReply(97, fin: true), SpdyPeer.Control(WireFrame.Headers, 1, 96));
        await fixture.SettleAsync();

        stream.Completion.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task A_consumer_that_has_enough_has_later_bytes_discarded()
    {
        await using var fixture = new SpdyFixture(new SpdySessionOptions { StreamBufferSize = 1000, ReceiveBufferSize = 100 });
        SpdyStream stream = await fixture.OpenAsync();

        await stream.Input.CompleteAsync();
        await fixture.Peer.SendAsync(SpdyPeer.Data(1, new byte[60_000]));
        await fixture.SettleAsync();

        stream.Completion.IsCompleted.Should().BeFalse();
        await fixture.Peer.SendAsync(SpdyPeer.Fin(1));
        (await stream.Completion.Soon()).Kind.Should().Be(StreamEndKind.Finished);
    }

    [Fact]
    public async Task A_peer_that_goes_on_sending_what_nobody_reads_is_told_to_stop()
    {
        await using var fixture = new SpdyFixture(new SpdySessionOptions { StreamBufferSize = 1000, ReceiveBufferSize = 100 });
        SpdyStream stream = await fixture.OpenAsync();

        await stream.Input.CompleteAsync();
        await fixture.Peer.SendAsync(SpdyPeer.Data(1, new byte[100_000]));

        (await fixture.Peer.ReadControlAsync(WireFrame.RstStream)).StreamId.Should().Be(1);
        (await stream.Completion.Soon()).Kind.Should().Be(StreamEndKind.ResetLocally);
        await fixture.SettleAsync();
    }

    [Fact]
    public async Task Long_data_is_split_into_frames_of_the_largest_size_allowed()
    {
        await using var fixture = new SpdyFixture(new SpdySessionOptions { MaxDataFrameSize = 1000 });
        SpdyStream stream = await fixture.OpenAsync();
        byte[] data = new byte[2500];
        new Random(1).NextBytes(data);

        (await stream.WriteAsync(data).Soon()).Should().BeTrue();

        WireFrame[] frames = [await fixture.Peer.ReadDataAsync(1), await fixture.Peer.ReadDataAsync(1), await fixture.Peer.ReadDataAsync(1)];
        frames.Select(frame => frame.Body.Length).Should().Equal(1000, 1000, 500);
        frames.SelectMany(frame => frame.Body).Should().Equal(data);
        (await stream.WriteAsync(default).Soon()).Should().BeTrue("nothing to send is no end");
        await fixture.SettleAsync();
    }

    [Fact]
    public async Task A_cancelled_write_leaves_the_stream_and_the_session_usable()
    {
        await using var fixture = new SpdyFixture(transportBuffer: 100);
        SpdyStream stream = await fixture.OpenAsync();
        SpdyStream other = await fixture.OpenAsync();
        Task<bool> stalled = other.WriteAsync(new byte[1000]).AsTask();
        using var cancel = new CancellationTokenSource();
        Task<bool> write = stream.WriteAsync("one"u8.ToArray(), cancel.Token).AsTask();
        Task<bool> finish = stream.FinishAsync(cancel.Token).AsTask();

        await cancel.CancelAsync();

        await write.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        await finish.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        (await fixture.Peer.ReadDataAsync(3)).Body.Should().HaveCount(1000);
        (await stalled.Soon()).Should().BeTrue();
        (await stream.WriteAsync("two"u8.ToArray()).Soon()).Should().BeTrue();
        (await fixture.Peer.ReadDataAsync(1)).Body.Should().Equal("two"u8.ToArray());
    }

    [Fact]
    public async Task A_reset_is_told_to_a_peer_whose_FIN_arrives_meanwhile()
    {
        await using var fixture = new SpdyFixture();
        SpdyStream stream = await fixture.OpenAsync();
        Task meanwhile = PeerFinishesAsync();

        await Task.Run(() => stream.Reset());

        await meanwhile.Soon();
        WireFrame reset = await fixture.Peer.ReadControlAsync(WireFrame.RstStream);
        (reset.StreamId, reset.Word(1)).Should().Be((1, (uint)ResetStatus.Cancel), "otherwise the peer would wait for our half for good");

        async Task PeerFinishesAsync()
        {
            // Goes on inside of Reset, which completes the input.
            await stream.Input.ReadAsync().ConfigureAwait(false);
            fixture.Peer.SendAsync(SpdyPeer.Fin(1)).Wait(TimeSpan.FromSeconds(15)).Should().BeTrue();
            fixture.SettleAsync().Wait(TimeSpan.FromSeconds(15)).Should().BeTrue();
        }
    }

    [Fact]
    public async Task A_half_that_has_been_closed_is_never_opened_again_by_a_frame_on_its_way()
    {
        // The frame checks whether the half is open while the read loop closes it: the two must not undo each other.
        await using var fixture = new SpdyFixture();
        for (int i = 0; i < 300; i++)
        {
            SpdyStream stream = (await fixture.Session.OpenAsync([new StreamOpening(SpdyFixture.NoHeaders)], default).Soon())!.Single();
            bool ended = false;
            using var writing = new ManualResetEventSlim();
            Task writer = Task.Run(() =>
            {
                while (!Volatile.Read(ref ended))
                {
                    stream.TryBeginSend(FrameFlags.None);
                    writing.Set();
                }
            });
            writing.Wait();
            stream.End(new StreamEnd(StreamEndKind.ResetByPeer, ResetStatus.Cancel));
            Volatile.Write(ref ended, true);
            await writer.Soon();

            stream.TryBeginSend(FrameFlags.None).Should().BeFalse("iteration {0}", i);
        }
    }
}
