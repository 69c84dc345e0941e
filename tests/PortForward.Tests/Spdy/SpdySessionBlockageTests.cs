using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Tests.Spdy;

/// <summary>What becomes of a session when the peer holds data that it never handles: one of its five workers is blocked.</summary>
public sealed class SpdySessionBlockageTests : IAsyncDisposable
{
    private readonly SpdyFixture _fixture = new(new SpdySessionOptions { AlignsStreamIds = true, StreamBufferSize = 1024 });

    [Fact]
    public async Task Streams_behind_a_blocked_worker_end_and_the_others_go_on()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        SpdyStream ended = pairs[0][1];
        await ReplyAsync(pairs[..5]);
        await SendUnreadAsync(ended);

        await ReleaseStreamsBehindAsync(ended);

        (pairs[5][1].Id % 5).Should().Be(ended.Id % 5, "there are five workers");
        await ShouldBeLostAsync(pairs[5]);
        (await pairs[5][1].WriteAsync("more"u8.ToArray())).Should().BeFalse();
        pairs[1..5].SelectMany(pair => pair).Should().AllSatisfy(stream => stream.Completion.IsCompleted.Should().BeFalse());
        (await pairs[1][1].WriteAsync("more"u8.ToArray())).Should().BeTrue();
    }

    [Fact]
    public async Task A_stream_that_was_replied_to_is_blocked_while_its_data_is_unacknowledged()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs);
        await SendUnreadAsync(pairs[0][1]);

        await ReleaseStreamsBehindAsync(pairs[0][1]);

        await ShouldBeLostAsync(pairs[5]);
    }

    [Fact]
    public async Task A_stream_that_only_waits_for_a_reply_is_blocked_too()
    {
        SpdyStream[][] pairs = await OpenAsync(5);
        SpdyStream[] silent = (await _fixture.Session.OpenAsync([new StreamOpening([], Finish: true), new StreamOpening([])], default))!;
        await _fixture.Peer.ReadSynStreamAsync();
        await _fixture.Peer.ReadSynStreamAsync();
        (silent[1].Id % 5).Should().Be(pairs[0][1].Id % 5);

        await ReleaseStreamsBehindAsync(pairs[0][1]);

        await ShouldBeLostAsync(silent);
    }

    [Fact]
    public async Task A_FIN_of_this_side_is_blocked_like_data()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs);
        await AcknowledgeAsync();
        await SendUnreadAsync(pairs[0][1]);
        await pairs[5][1].FinishAsync();
        await _fixture.Peer.ReadDataAsync(pairs[5][1].Id);

        await ReleaseStreamsBehindAsync(pairs[0][1]);

        await ShouldBeLostAsync(pairs[5]);
    }

    [Fact]
    public async Task Of_streams_that_were_ended_the_peer_is_told_only_where_a_worker_can_handle_it()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs[..5]);
        await SendUnreadAsync(pairs[0][1]);

        await ReleaseStreamsBehindAsync(pairs[0][1]);

        uint[] reset = [(await _fixture.Peer.ReadControlAsync(WireFrame.RstStream)).StreamId, (await _fixture.Peer.ReadControlAsync(WireFrame.RstStream)).StreamId];
        reset.Should().BeEquivalentTo([pairs[0][0].Id, pairs[5][0].Id], "the other streams' worker handles nothing");
        await _fixture.SettleAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stream_whose_data_was_acknowledged_still_receives_until_it_sends(bool sendsData)
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        SpdyStream behind = pairs[5][1];
        await ReplyAsync(pairs);
        await AcknowledgeAsync();
        await SendUnreadAsync(pairs[0][1]);

        await ReleaseStreamsBehindAsync(pairs[0][1]);

        await _fixture.Peer.SendAsync(SpdyPeer.Data(behind.Id, "answer"));
        (await behind.Input.ReadTextAsync(6)).Should().Be("answer");
        behind.Completion.IsCompleted.Should().BeFalse();
        (sendsData ? await behind.WriteAsync("and another request"u8.ToArray()) : await behind.FinishAsync()).Should().BeFalse();
        await ShouldBeLostAsync(pairs[5]);
    }

    [Fact]
    public async Task The_reply_to_a_later_stream_acknowledges_what_its_worker_got_before()
    {
        SpdyStream[][] pairs = await OpenAsync(11);
        await ReplyAsync(pairs);
        await SendUnreadAsync(pairs[0][1]);

        await ReleaseStreamsBehindAsync(pairs[0][1]);

        pairs[5][1].Completion.IsCompleted.Should().BeFalse("it was opened before the one that was replied to");
        await ShouldBeLostAsync(pairs[10]);
    }

    [Fact]
    public async Task When_all_data_of_a_stream_was_acknowledged_it_blocks_nothing_and_nothing_ends()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs);
        await AcknowledgeAsync();
        await SendUnreadAsync(pairs[5][1]);
        await pairs[0][1].FinishAsync();
        await _fixture.Peer.ReadDataAsync(pairs[0][1].Id);

        await PingTwiceAsync(pairs[0][1]);
        _fixture.Session.TryReleaseStreamsBehind(pairs[0][1]).Should().BeTrue();
        _fixture.Session.TryReleaseStreamsBehind(pairs[0][1]).Should().BeTrue();

        pairs.SelectMany(pair => pair).Should().AllSatisfy(stream => stream.Completion.IsCompleted.Should().BeFalse());
        (await pairs[5][1].WriteAsync("more"u8.ToArray())).Should().BeTrue();
    }

    [Fact]
    public async Task While_no_worker_answers_it_is_unclear_which_one_is_blocked()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        _ = _fixture.Session.RequestAcknowledgementAsync();

        ShouldStayUnclear(pairs[0][1], probes: 5);

        pairs.SelectMany(pair => pair).Should().AllSatisfy(stream => stream.Completion.IsCompleted.Should().BeFalse());
    }

    [Fact]
    public async Task A_pong_that_comes_a_little_later_than_that_of_another_worker_comes_in_time()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs);
        await SendUnreadAsync(pairs[0][1]);
        uint late = await PingTwiceAsync(pairs[0][1]);
        _fixture.Session.TryReleaseStreamsBehind(pairs[0][1]).Should().BeFalse();

        await _fixture.Peer.SendAsync(SpdyPeer.Ping(late));
        await _fixture.SettleAsync();

        _fixture.Session.TryReleaseStreamsBehind(pairs[0][1]).Should().BeTrue();
        pairs.SelectMany(pair => pair).Should().AllSatisfy(stream => stream.Completion.IsCompleted.Should().BeFalse());
    }

    [Fact]
    public async Task A_pong_of_another_worker_counts_only_if_its_PING_was_sent_after_the_first_probe()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs);
        await SendUnreadAsync(pairs[0][1]);
        await PingTwiceAsync(pairs[0][1]);

        ShouldStayUnclear(pairs[0][1], probes: 5);

        pairs[5][1].Completion.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task A_pong_that_nobody_waits_for_any_more_still_acknowledges()
    {
        SpdyStream[][] pairs = await OpenAsync(1);
        using var withdraw = new CancellationTokenSource();
        Task<bool> acknowledged = _fixture.Session.RequestAcknowledgementAsync(withdraw.Token);
        uint[] pings = await ReadPingsAsync();

        await withdraw.CancelAsync();
        await acknowledged.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        _fixture.Session.AwaitedPongs.Should().Be(0);
        await _fixture.Peer.SendAsync([.. pings.Select(SpdyPeer.Ping)]);
        await _fixture.SettleAsync();

        _fixture.Session.TryReleaseStreamsBehind(pairs[0][1]).Should().BeTrue();
        _fixture.Session.HasUnacknowledgedData.Should().BeFalse();
    }

    [Fact]
    public async Task The_pong_to_a_PING_of_the_peer_goes_to_one_of_its_workers_too()
    {
        SpdyStream[][] pairs = await OpenAsync(1);
        await _fixture.SettleAsync();

        Task<bool> acknowledged = _fixture.Session.RequestAcknowledgementAsync(pairs[0][1], CancellationToken.None);

        // The first worker has got the pong, and the stream's is the first one again only after the others.
        (pairs[0][1].Id % 5).Should().Be(0);
        uint[] pings = await ReadPingsAsync();

        await _fixture.Peer.SendAsync(SpdyPeer.Ping(pings[^1]));
        (await acknowledged.Soon()).Should().BeTrue();
    }

    [Fact]
    public async Task While_a_worker_is_blocked_nothing_is_opened()
    {
        SpdyStream[][] pairs = await OpenAsync(1);

        await ReleaseStreamsBehindAsync(pairs[0][1]);

        (await _fixture.Session.OpenAsync([new StreamOpening([])], default)).Should().BeNull();
        _fixture.Session.Completion.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Nobody_waits_for_the_acknowledgement_of_a_blocked_worker()
    {
        SpdyStream[][] pairs = await OpenAsync(1);
        Task<bool> before = _fixture.Session.RequestAcknowledgementAsync(pairs[0][1], CancellationToken.None);
        await _fixture.Peer.ReadControlAsync(WireFrame.Ping);

        await ReleaseStreamsBehindAsync(pairs[0][1]);

        (await before.Soon()).Should().BeFalse();
        (await _fixture.Session.RequestAcknowledgementAsync(pairs[0][1], CancellationToken.None).Soon()).Should().BeFalse();
        (await _fixture.Session.FinishAndRequestAcknowledgementAsync(pairs[0][1], CancellationToken.None).Soon()).Should().BeFalse();
        _fixture.Session.HasUnacknowledgedData.Should().BeFalse("nobody waits for the data of a blocked worker");
    }

    [Fact]
    public async Task A_peer_that_has_stopped_reading_because_of_data_that_it_never_handles_is_blocked_after_a_while()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await SendAsync(pairs[5][1], frames: 51);
        _fixture.Session.TryReleaseStreamsBehind(pairs[0][1]).Should().BeFalse();
        await _fixture.Peer.SendAsync(SpdyPeer.SynReply(pairs[1][1].Id));
        await _fixture.SettleAsync();

        // Something was acknowledged meanwhile, so that patience begins anew.
        await ShouldEndAsync(pairs[0][1]);
        _fixture.Session.Fault.Should().BeOfType<SpdyProtocolException>().Which.Message.Should().Contain("too many frames");
        _fixture.Session.EndedByBlockedWorker.Should().BeTrue();
        await ShouldBeLostAsync(pairs[1]);
    }

    [Fact]
    public async Task While_this_side_does_not_read_the_silence_of_the_peer_says_nothing()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await SendAsync(pairs[5][1], frames: 51);
        byte[] unread = SpdyPeer.Data(pairs[3][1].Id, new byte[64 * 1024]);
        await _fixture.Peer.SendAsync(unread, unread);
        await StalledAsync();

        ShouldStayUnclear(pairs[0][1], probes: 2 * WorkerBlockage.PatientProbes);

        _fixture.Session.Fault.Should().BeNull();
    }

    [Fact]
    public async Task A_peer_that_may_wait_for_another_stream_too_does_not_count_as_blocked()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await SendAsync(pairs[5][1], frames: 51);
        await SendAsync(pairs[1][1], frames: 51);

        ShouldStayUnclear(pairs[0][1], probes: 2 * WorkerBlockage.PatientProbes);

        _fixture.Session.Fault.Should().BeNull();
    }

    [Fact]
    public async Task PINGs_alone_make_no_worker_a_reason_to_wait_for_another_stream()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs);
        await AcknowledgeAsync();
        await SendUnreadAsync(pairs[0][1]);
        for (int i = 0; i < 60; i++)
        {
            _ = _fixture.Session.RequestAcknowledgementAsync();
        }

        await ShouldEndAsync(pairs[0][1]);
        _fixture.Session.Fault.Should().NotBeNull();
    }

    [Fact]
    public async Task A_peer_whose_workers_all_hold_data_that_they_never_handle_is_blocked()
    {
        SpdyStream[][] pairs = await OpenAsync(5);

        foreach (SpdyStream[] pair in pairs)
        {
            _fixture.Session.TryReleaseStreamsBehind(pair[1]).Should().BeFalse();
        }

        await ShouldEndAsync(pairs[0][1]);
        _fixture.Session.Fault.Should().NotBeNull();
    }

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    private async Task SendAsync(SpdyStream stream, int frames)
    {
        for (int i = 0; i < frames; i++)
        {
            await stream.WriteAsync("x"u8.ToArray());
            await _fixture.Peer.ReadDataAsync(stream.Id);
        }
    }

    private static async Task ShouldBeLostAsync(SpdyStream[] pair)
    {
        foreach (SpdyStream stream in pair)
        {
            (await stream.Completion.Soon()).Kind.Should().Be(StreamEndKind.SessionLost);
        }
    }

    /// <summary>Opens pairs of which each sends a first byte, so that each gets a worker of its own as long as there are any, and takes them from the wire.</summary>
    private async Task<SpdyStream[][]> OpenAsync(int count)
    {
        SpdyStream[][] pairs = new SpdyStream[count][];
        for (int i = 0; i < count; i++)
        {
            pairs[i] = (await _fixture.Session.OpenAsync([new StreamOpening([], Finish: true), new StreamOpening([])], "x"u8.ToArray()))!;
            await _fixture.Peer.ReadSynStreamAsync();
            await _fixture.Peer.ReadSynStreamAsync();
            await _fixture.Peer.ReadDataAsync(pairs[i][1].Id);
        }

        return pairs;
    }

    private void ShouldStayUnclear(SpdyStream ended, int probes)
    {
        for (int probe = 1; probe <= probes; probe++)
        {
            _fixture.Session.TryReleaseStreamsBehind(ended).Should().BeFalse("of probe {0}", probe);
        }
    }

    /// <summary>Probes until the session ends, which takes exactly as much patience as it should.</summary>
    private async Task ShouldEndAsync(SpdyStream ended)
    {
        await IsReadingAsync();
        ShouldStayUnclear(ended, WorkerBlockage.PatientProbes - 1);
        _fixture.Session.TryReleaseStreamsBehind(ended).Should().BeTrue();
    }

    /// <summary>One PING to each worker.</summary>
    private async Task<uint[]> ReadPingsAsync()
    {
        uint[] pings = new uint[5];
        for (int i = 0; i < pings.Length; i++)
        {
            pings[i] = (await _fixture.Peer.ReadControlAsync(WireFrame.Ping)).Word(0);
        }

        return pings;
    }

    private async Task ReplyAsync(SpdyStream[][] pairs)
    {
        foreach (SpdyStream stream in pairs.SelectMany(pair => pair))
        {
            await _fixture.Peer.SendAsync(SpdyPeer.SynReply(stream.Id));
        }

        await _fixture.SettleAsync();
    }

    /// <summary>Lets each worker of the peer acknowledge everything.</summary>
    private async Task AcknowledgeAsync()
    {
        Task<bool> acknowledged = _fixture.Session.RequestAcknowledgementAsync();
        await _fixture.Peer.SendAsync([.. (await ReadPingsAsync()).Select(SpdyPeer.Ping)]);
        (await acknowledged.Soon()).Should().BeTrue();
    }

    private async Task SendUnreadAsync(SpdyStream stream)
    {
        await stream.WriteAsync("nobody reads this"u8.ToArray());
        await _fixture.Peer.ReadDataAsync(stream.Id);
    }

    /// <summary>Sends PINGs to all workers twice; all but that of a stream answer.</summary>
    /// <returns>The last PING that was not answered.</returns>
    private async Task<uint> PingTwiceAsync(SpdyStream stream)
    {
        uint unanswered = 0;
        for (int round = 0; round < 2; round++)
        {
            _ = _fixture.Session.RequestAcknowledgementAsync();
            for (int i = 0; i < 5; i++)
            {
                WireFrame ping = await _fixture.Peer.ReadControlAsync(WireFrame.Ping);
                if (_fixture.Peer.LastPingsWorker == stream.Id % 5)
                {
                    unanswered = ping.Word(0);
                }
                else
                {
                    await _fixture.Peer.SendAsync(SpdyPeer.Ping(ping.Word(0)));
                }
            }
        }

        await _fixture.SettleAsync();
        return unanswered;
    }

    /// <summary>Waits until the session waits for a consumer that does not read: it has read more than one buffer from the transport, and reads no more.</summary>
    private async Task StalledAsync()
    {
        long before = -1;
        await Waiting.UntilAsync(() =>
        {
            (long last, before) = (before, _fixture.Client.BytesRead);
            return !_fixture.Session.IsReading && before > 64 * 1024 && before == last;
        });
    }

    private Task IsReadingAsync() => Waiting.UntilAsync(() => _fixture.Session.IsReading);

    private async Task ReleaseStreamsBehindAsync(SpdyStream ended)
    {
        await PingTwiceAsync(ended);
        _fixture.Session.TryReleaseStreamsBehind(ended).Should().BeFalse("one probe is not enough");
        await PingTwiceAsync(ended);
        _fixture.Session.TryReleaseStreamsBehind(ended).Should().BeTrue();
    }
}
