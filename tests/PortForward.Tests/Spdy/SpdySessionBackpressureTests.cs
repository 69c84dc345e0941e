using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Tests.Spdy;

public sealed class SpdySessionBackpressureTests
{
    private const int StreamBuffer = 10_000;
    private const int ReceiveBuffer = 1024;
    private const int TransportBuffer = 1000;

    /// <summary>What the session may have read from the transport for one stream: its buffer, one read on top of it, and what is being read.</summary>
    private const int MostTaken = StreamBuffer + (2 * ReceiveBuffer);

    private static readonly SpdySessionOptions Options = new() { StreamBufferSize = StreamBuffer, ReceiveBufferSize = ReceiveBuffer };

    [Fact]
    public async Task A_consumer_that_does_not_read_pauses_the_session_and_one_that_reads_again_loses_nothing()
    {
        await using var fixture = new SpdyFixture(Options, TransportBuffer);
        SpdyStream slow = await fixture.OpenAsync();
        SpdyStream other = await fixture.OpenAsync();
        var flood = new Flood(fixture);

        await flood.StalledAsync();
        flood.BytesSent.Should().BeInRange(StreamBuffer, MostTaken + TransportBuffer + Flood.FrameSize);
        other.Completion.IsCompleted.Should().BeFalse("the whole session is paused, which is why connections do not share one");

        (await slow.Input.ReadToEndAsync()).Should().Equal(flood.Expected);
        (await other.Input.ReadTextToEndAsync()).Should().Be("behind it");
    }

    [Fact]
    public async Task Unbounded_pings_behind_a_peer_that_does_not_read_are_no_reason_to_end_the_session()
    {
        await using var fixture = new SpdyFixture(Options, TransportBuffer);
        SpdyStream upload = await fixture.OpenAsync();
        Task<bool> stuck = upload.WriteAsync(new byte[4 * TransportBuffer], CancellationToken.None).AsTask();

        for (int i = 0; i < 2 * FrameSender.MaxQueuedControlBytes / ControlFrames.PingSize; i++)
        {
            using var withdraw = new CancellationTokenSource();
            Task<bool> ping = fixture.Session.PingAsync(withdraw.Token);
            await withdraw.CancelAsync();
            await ping.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        }

        stuck.IsCompleted.Should().BeFalse();
        (fixture.Session.CanOpen, fixture.Session.AwaitedPongs).Should().Be((true, 0));
        Task<bool> pong = fixture.Session.PingAsync();
        await AnswerAsync(fixture.Peer, pings: 2);

        (await pong.Soon()).Should().BeTrue();
        (await stuck.Soon()).Should().BeTrue();
    }

    [Fact]
    public async Task All_pings_behind_a_peer_that_does_not_read_have_their_pongs_once_it_reads()
    {
        const int pings = 50;
        await using var fixture = new SpdyFixture(Options, TransportBuffer);
        SpdyStream upload = await fixture.OpenAsync();
        Task<bool> stuck = upload.WriteAsync(new byte[4 * TransportBuffer], CancellationToken.None).AsTask();
        Task<bool>[] pongs = [.. Enumerable.Range(0, pings).Select(_ => fixture.Session.PingAsync())];

        await AnswerAsync(fixture.Peer, pings);

        (await Task.WhenAll(pongs).Soon()).Should().OnlyContain(hasPong => hasPong);
        (await stuck.Soon()).Should().BeTrue();
    }

    [Fact]
    public async Task A_ping_behind_a_peer_that_does_not_read_fails_when_the_session_ends()
    {
        await using var fixture = new SpdyFixture(Options, TransportBuffer);
        SpdyStream upload = await fixture.OpenAsync();
        Task<bool> stuck = upload.WriteAsync(new byte[4 * TransportBuffer], CancellationToken.None).AsTask();
        Task<bool>[] pongs = [.. Enumerable.Range(0, 5).Select(_ => fixture.Session.PingAsync())];

        await fixture.Peer.DisposeAsync();

        (await Task.WhenAll(pongs).Soon()).Should().OnlyContain(hasPong => !hasPong);
        (await stuck.Soon()).Should().BeFalse();
    }

    [Fact]
    public async Task A_reset_of_the_stalled_stream_wakes_the_session()
    {
        await using var fixture = new SpdyFixture(Options, TransportBuffer);
        SpdyStream stalled = await fixture.OpenAsync();
        var flood = new Flood(fixture);
        await flood.StalledAsync();

        stalled.Reset();

        (await fixture.Peer.ReadControlAsync(WireFrame.RstStream)).StreamId.Should().Be(1);
        await flood.Sent.Soon();
        await fixture.SettleAsync();
        byte[] kept = await stalled.Input.ReadToEndAsync();
        kept.Length.Should().BeInRange(StreamBuffer / 2, MostTaken);
        kept.Should().Equal(flood.Expected.Take(kept.Length));
    }

    [Fact]
    public async Task A_consumer_that_completes_its_reader_wakes_the_session()
    {
        await using var fixture = new SpdyFixture(Options, TransportBuffer);
        SpdyStream stalled = await fixture.OpenAsync();
        var flood = new Flood(fixture);
        await flood.StalledAsync();

        await stalled.Input.CompleteAsync();

        await flood.Sent.Soon();
        (await stalled.Completion.Soon()).Kind.Should().Be(StreamEndKind.Finished);
    }

    [Fact]
    public async Task Dispose_wakes_the_session_and_the_consumer_still_gets_what_is_there()
    {
        await using var fixture = new SpdyFixture(Options, TransportBuffer);
        SpdyStream stalled = await fixture.OpenAsync();
        var flood = new Flood(fixture);
        await flood.StalledAsync();

        await fixture.Session.DisposeAsync().Soon();

        (await stalled.Completion.Soon()).Kind.Should().Be(StreamEndKind.SessionLost);
        byte[] kept = await stalled.Input.ReadToEndAsync();
        kept.Length.Should().BeInRange(StreamBuffer / 2, MostTaken);
        await flood.Sent.ContinueWith(static _ => { }, TaskScheduler.Default).Soon();
    }

    [Fact]
    public async Task A_transport_that_takes_nothing_holds_up_the_writer()
    {
        await using var fixture = new SpdyFixture(new SpdySessionOptions { MaxDataFrameSize = 500 }, TransportBuffer);
        SpdyStream stream = await fixture.OpenAsync();

        Task<bool> write = stream.WriteAsync(new byte[10_000]).AsTask();

        write.IsCompleted.Should().BeFalse();
        fixture.Client.Writes.Sum(written => written.Length).Should().BeLessThan(TransportBuffer + 1000);
        for (int i = 0; i < 20; i++)
        {
            (await fixture.Peer.ReadDataAsync(1)).Body.Should().HaveCount(500);
        }

        (await write.Soon()).Should().BeTrue();
    }

    [Fact]
    public async Task Streams_that_write_at_the_same_time_take_turns()
    {
        await using var fixture = new SpdyFixture(new SpdySessionOptions { MaxDataFrameSize = 500 }, TransportBuffer);
        SpdyStream first = await fixture.OpenAsync();
        SpdyStream second = await fixture.OpenAsync();
        Task<bool>[] writes = [first.WriteAsync(new byte[5000]).AsTask(), second.WriteAsync(new byte[5000]).AsTask()];

        // The first one got ahead by what the transport took before the second one came.
        var order = new List<uint>();
        for (int i = 0; i < 20; i++)
        {
            order.Add((await fixture.Peer.ReadFrameAsync()).StreamId);
        }

        int start = order.IndexOf(3);
        start.Should().BeLessThan(4);
        order.Skip(start).Take(12).Count(id => id == 3).Should().BeInRange(4, 8, "in {0} both get their share", order);
        (await Task.WhenAll(writes).Soon()).Should().AllBeEquivalentTo(true);
    }

    [Fact]
    public async Task A_peer_that_floods_with_pings_without_reading_is_cut_off()
    {
        await using var fixture = new SpdyFixture(transportBuffer: TransportBuffer);
        byte[] pings = [.. Enumerable.Repeat(SpdyPeer.Ping(2), 100).SelectMany(ping => ping)];

        Func<Task> flood = async () =>
        {
            for (int i = 0; i < 100; i++)
            {
                await fixture.Peer.SendAsync(pings);
            }
        };

        await flood.Should().ThrowAsync<IOException>();
        await fixture.Session.Completion.Soon();
        fixture.Session.Fault.Should().BeOfType<SpdyProtocolException>().Which.Message.Should().Contain("control frames");
    }

    /// <summary>Reads what comes, and answers so many PINGs.</summary>
    private static async Task AnswerAsync(SpdyPeer peer, int pings)
    {
        while (pings > 0)
        {
            WireFrame frame = await peer.ReadFrameAsync();
            if (frame is { IsControl: true, Type: WireFrame.Ping })
            {
                await peer.SendAsync(SpdyPeer.Ping(frame.Word(0)));
                pings--;
            }
        }
    }

    /// <summary>A peer that sends to stream 1 as fast as the session takes it, and then to stream 3.</summary>
    private sealed class Flood
    {
        public const int FrameSize = 500;
        private int _bytesSent;

        public Flood(SpdyFixture fixture)
        {
            new Random(7).NextBytes(Expected);
            Sent = SendAsync(fixture);
        }

        public byte[] Expected { get; } = new byte[100 * FrameSize];

        public Task Sent { get; }

        public int BytesSent => Volatile.Read(ref _bytesSent);

        /// <summary>Waits until nothing is read any more. Believing that too early cannot make a bound fail.</summary>
        public async Task StalledAsync()
        {
            await Waiting.UntilAsync(() => BytesSent >= StreamBuffer);
            int seen;
            do
            {
                seen = BytesSent;
                await Task.Delay(10);
            }
            while (BytesSent != seen);
            Sent.IsCompleted.Should().BeFalse();
        }

        private async Task SendAsync(SpdyFixture fixture)
        {
            foreach (byte[] chunk in Expected.Chunk(FrameSize))
            {
                await fixture.Peer.SendAsync(SpdyPeer.Data(1, chunk));
                Interlocked.Add(ref _bytesSent, FrameSize);
            }

            await fixture.Peer.SendAsync(SpdyPeer.Fin(1), SpdyPeer.Data(3, "behind it", fin: true));
        }
    }
}
