using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Tests.Spdy;

/// <summary>What becomes of a session when the peer holds data that it never takes: one of its five workers does nothing else any more.</summary>
public sealed class SpdySessionBlockageTests : IAsyncDisposable
{
    private readonly SpdyFixture _fixture = new(new SpdySessionOptions { AlignsStreamIds = true, StreamBufferSize = 1024 });

    [Fact]
    public async Task Streams_that_wait_behind_what_is_never_taken_end_and_the_others_go_on()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        SpdyStream ended = pairs[0][1];
        await ReplyAsync(pairs[..5]);
        await SendInVainAsync(ended);

        await FreeNeighboursAsync(ended);

        (pairs[5][1].Id % 5).Should().Be(ended.Id % 5, "there are five workers");
        await ShouldBeLostAsync(pairs[5]);
        (await pairs[5][1].WriteAsync("more"u8.ToArray())).Should().BeFalse();
        pairs[1..5].SelectMany(pair => pair).Should().AllSatisfy(stream => stream.Completion.IsCompleted.Should().BeFalse());
        (await pairs[1][1].WriteAsync("more"u8.ToArray())).Should().BeTrue();
    }

    [Fact]
    public async Task A_stream_that_was_replied_to_waits_in_vain_for_its_data_to_be_taken()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs);
        await SendInVainAsync(pairs[0][1]);

        await FreeNeighboursAsync(pairs[0][1]);

        await ShouldBeLostAsync(pairs[5]);
    }

    [Fact]
    public async Task A_stream_that_only_waits_for_a_reply_waits_in_vain_too()
    {
        SpdyStream[][] pairs = await OpenAsync(5);
        SpdyStream[] silent = (await _fixture.Session.OpenAsync([new StreamOpening([], Finish: true), new StreamOpening([])], default))!;
        await _fixture.Peer.ReadSynStreamAsync();
        await _fixture.Peer.ReadSynStreamAsync();
        (silent[1].Id % 5).Should().Be(pairs[0][1].Id % 5);

        await FreeNeighboursAsync(pairs[0][1]);

        await ShouldBeLostAsync(silent);
    }

    [Fact]
    public async Task An_end_of_this_side_waits_in_vain_like_data()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs);
        await ConfirmAsync();
        await SendInVainAsync(pairs[0][1]);
        await pairs[5][1].FinishAsync();
        await _fixture.Peer.ReadDataAsync(pairs[5][1].Id);

        await FreeNeighboursAsync(pairs[0][1]);

        await ShouldBeLostAsync(pairs[5]);
    }

    [Fact]
    public async Task The_peer_is_told_of_a_lost_stream_by_a_worker_that_lives_only()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs[..5]);
        await SendInVainAsync(pairs[0][1]);

        await FreeNeighboursAsync(pairs[0][1]);

        uint[] reset = [(await _fixture.Peer.ReadControlAsync(WireFrame.RstStream)).StreamId, (await _fixture.Peer.ReadControlAsync(WireFrame.RstStream)).StreamId];
        reset.Should().BeEquivalentTo([pairs[0][0].Id, pairs[5][0].Id], "the other streams' worker takes nothing");
        await _fixture.SettleAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stream_whose_data_was_taken_may_go_on_to_receive_until_it_sends(bool sendsData)
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        SpdyStream neighbour = pairs[5][1];
        await ReplyAsync(pairs);
        await ConfirmAsync();
        await SendInVainAsync(pairs[0][1]);

        await FreeNeighboursAsync(pairs[0][1]);

        await _fixture.Peer.SendAsync(SpdyPeer.Data(neighbour.Id, "answer"));
        (await neighbour.Input.ReadTextAsync(6)).Should().Be("answer");
        neighbour.Completion.IsCompleted.Should().BeFalse();
        (sendsData ? await neighbour.WriteAsync("and another question"u8.ToArray()) : await neighbour.FinishAsync()).Should().BeFalse();
        await ShouldBeLostAsync(pairs[5]);
    }

    [Fact]
    public async Task The_reply_to_a_later_stream_shows_what_its_worker_has_taken()
    {
        SpdyStream[][] pairs = await OpenAsync(11);
        await ReplyAsync(pairs);
        await SendInVainAsync(pairs[0][1]);

        await FreeNeighboursAsync(pairs[0][1]);

        pairs[5][1].Completion.IsCompleted.Should().BeFalse("it was opened before the one that was replied to");
        await ShouldBeLostAsync(pairs[10]);
    }

    [Fact]
    public async Task When_all_data_of_a_stream_was_taken_its_worker_waits_for_another_one_and_nothing_ends()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs);
        await ConfirmAsync();
        await SendInVainAsync(pairs[5][1]);
        await pairs[0][1].FinishAsync();
        await _fixture.Peer.ReadDataAsync(pairs[0][1].Id);

        await AskAsync(pairs[0][1]);
        _fixture.Session.TryReleaseStreamsBehind(pairs[0][1]).Should().BeTrue();
        _fixture.Session.TryReleaseStreamsBehind(pairs[0][1]).Should().BeTrue();

        pairs.SelectMany(pair => pair).Should().AllSatisfy(stream => stream.Completion.IsCompleted.Should().BeFalse());
        (await pairs[5][1].WriteAsync("more"u8.ToArray())).Should().BeTrue();
    }

    [Fact]
    public async Task As_long_as_nobody_answers_it_is_not_known_who_is_waited_for()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        _ = _fixture.Session.RequestAcknowledgementAsync();

        ShouldStayUnsure(pairs[0][1], looks: 5);

        pairs.SelectMany(pair => pair).Should().AllSatisfy(stream => stream.Completion.IsCompleted.Should().BeFalse());
    }

    [Fact]
    public async Task An_answer_that_comes_a_little_later_than_that_of_another_worker_comes_in_time()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs);
        await SendInVainAsync(pairs[0][1]);
        uint late = await AskAsync(pairs[0][1]);
        _fixture.Session.TryReleaseStreamsBehind(pairs[0][1]).Should().BeFalse();

        await _fixture.Peer.SendAsync(SpdyPeer.Ping(late));
        await _fixture.SettleAsync();

        _fixture.Session.TryReleaseStreamsBehind(pairs[0][1]).Should().BeTrue();
        pairs.SelectMany(pair => pair).Should().AllSatisfy(stream => stream.Completion.IsCompleted.Should().BeFalse());
    }

    [Fact]
    public async Task An_answer_of_another_worker_counts_only_if_it_was_asked_after_the_first_look()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs);
        await SendInVainAsync(pairs[0][1]);
        await AskAsync(pairs[0][1]);

        ShouldStayUnsure(pairs[0][1], looks: 5);

        pairs[5][1].Completion.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task An_answer_that_nobody_waits_for_any_more_still_shows_what_was_taken()
    {
        SpdyStream[][] pairs = await OpenAsync(1);
        using var withdraw = new CancellationTokenSource();
        Task<bool> taken = _fixture.Session.RequestAcknowledgementAsync(withdraw.Token);
        uint[] pings = await ReadPingsAsync();

        await withdraw.CancelAsync();
        await taken.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        _fixture.Session.AwaitedPongs.Should().Be(0);
        await _fixture.Peer.SendAsync([.. pings.Select(SpdyPeer.Ping)]);
        await _fixture.SettleAsync();

        _fixture.Session.TryReleaseStreamsBehind(pairs[0][1]).Should().BeTrue();
        _fixture.Session.HasUnacknowledgedData.Should().BeFalse();
    }

    [Fact]
    public async Task The_answer_to_a_PING_of_the_peer_comes_to_one_of_its_workers_too()
    {
        SpdyStream[][] pairs = await OpenAsync(1);
        await _fixture.SettleAsync();

        Task<bool> taken = _fixture.Session.RequestAcknowledgementAsync(pairs[0][1], CancellationToken.None);

        // The first worker has got the answer, and the stream's is the first one again only after the others.
        (pairs[0][1].Id % 5).Should().Be(0);
        uint[] pings = await ReadPingsAsync();

        await _fixture.Peer.SendAsync(SpdyPeer.Ping(pings[^1]));
        (await taken.Soon()).Should().BeTrue();
    }

    [Fact]
    public async Task Nothing_is_opened_where_it_might_wait_in_vain()
    {
        SpdyStream[][] pairs = await OpenAsync(1);

        await FreeNeighboursAsync(pairs[0][1]);

        (await _fixture.Session.OpenAsync([new StreamOpening([])], default)).Should().BeNull();
        _fixture.Session.Completion.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Nobody_waits_for_what_a_lost_worker_should_take()
    {
        SpdyStream[][] pairs = await OpenAsync(1);
        Task<bool> before = _fixture.Session.RequestAcknowledgementAsync(pairs[0][1], CancellationToken.None);
        await _fixture.Peer.ReadControlAsync(WireFrame.Ping);

        await FreeNeighboursAsync(pairs[0][1]);

        (await before.Soon()).Should().BeFalse();
        (await _fixture.Session.RequestAcknowledgementAsync(pairs[0][1], CancellationToken.None).Soon()).Should().BeFalse();
        (await _fixture.Session.FinishAndRequestAcknowledgementAsync(pairs[0][1], CancellationToken.None).Soon()).Should().BeFalse();
        _fixture.Session.HasUnacknowledgedData.Should().BeFalse("nobody waits for the data of a lost worker");
    }

    [Fact]
    public async Task A_peer_that_reads_no_more_because_of_what_it_never_takes_is_given_up_after_a_while()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await SendAsync(pairs[5][1], frames: 51);
        _fixture.Session.TryReleaseStreamsBehind(pairs[0][1]).Should().BeFalse();
        await _fixture.Peer.SendAsync(SpdyPeer.SynReply(pairs[1][1].Id));
        await _fixture.SettleAsync();

        // Something was taken meanwhile, so that it takes all the patience anew.
        await GiveUpAsync(pairs[0][1]);
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

        ShouldStayUnsure(pairs[0][1], looks: 2 * WorkerBlockage.PatientProbes);

        _fixture.Session.Fault.Should().BeNull();
    }

    [Fact]
    public async Task A_peer_that_may_wait_for_another_stream_too_is_not_given_up()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await SendAsync(pairs[5][1], frames: 51);
        await SendAsync(pairs[1][1], frames: 51);

        ShouldStayUnsure(pairs[0][1], looks: 2 * WorkerBlockage.PatientProbes);

        _fixture.Session.Fault.Should().BeNull();
    }

    [Fact]
    public async Task Questions_alone_make_no_worker_a_reason_to_wait_for_another_stream()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs);
        await ConfirmAsync();
        await SendInVainAsync(pairs[0][1]);
        for (int i = 0; i < 60; i++)
        {
            _ = _fixture.Session.RequestAcknowledgementAsync();
        }

        await GiveUpAsync(pairs[0][1]);
        _fixture.Session.Fault.Should().NotBeNull();
    }

    [Fact]
    public async Task A_peer_whose_workers_all_hold_what_they_never_take_is_given_up()
    {
        SpdyStream[][] pairs = await OpenAsync(5);

        foreach (SpdyStream[] pair in pairs)
        {
            _fixture.Session.TryReleaseStreamsBehind(pair[1]).Should().BeFalse();
        }

        await GiveUpAsync(pairs[0][1]);
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

    private void ShouldStayUnsure(SpdyStream ended, int looks)
    {
        for (int look = 1; look <= looks; look++)
        {
            _fixture.Session.TryReleaseStreamsBehind(ended).Should().BeFalse("of look {0}", look);
        }
    }

    /// <summary>Looks until the session is given up, which takes exactly as much patience as it should.</summary>
    private async Task GiveUpAsync(SpdyStream ended)
    {
        await IsReadingAsync();
        ShouldStayUnsure(ended, WorkerBlockage.PatientProbes - 1);
        _fixture.Session.TryReleaseStreamsBehind(ended).Should().BeTrue();
    }

    /// <summary>One question to each worker.</summary>
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

    /// <summary>Lets the peer say that each of its workers has taken everything.</summary>
    private async Task ConfirmAsync()
    {
        Task<bool> taken = _fixture.Session.RequestAcknowledgementAsync();
        await _fixture.Peer.SendAsync([.. (await ReadPingsAsync()).Select(SpdyPeer.Ping)]);
        (await taken.Soon()).Should().BeTrue();
    }

    private async Task SendInVainAsync(SpdyStream stream)
    {
        await stream.WriteAsync("nobody reads this"u8.ToArray());
        await _fixture.Peer.ReadDataAsync(stream.Id);
    }

    /// <summary>Asks all workers twice; all but that of a stream answer.</summary>
    /// <returns>The last PING that was not answered.</returns>
    private async Task<uint> AskAsync(SpdyStream stream)
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

    /// <summary>Waits until the session waits for a consumer that does not read: it has taken more than one buffer from the transport, and takes no more.</summary>
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

    private async Task FreeNeighboursAsync(SpdyStream ended)
    {
        await AskAsync(ended);
        _fixture.Session.TryReleaseStreamsBehind(ended).Should().BeFalse("one look is not enough");
        await AskAsync(ended);
        _fixture.Session.TryReleaseStreamsBehind(ended).Should().BeTrue();
    }
}
