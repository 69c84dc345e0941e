using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Tests.Spdy;

/// <summary>What becomes of a session when the peer holds data that it never takes: one of its five workers does nothing else any more.</summary>
public sealed class SpdySessionWorkerTests : IAsyncDisposable
{
    private readonly SpdyFixture _fixture = new(new SpdySessionOptions { AlignsStreamIds = true });

    [Fact]
    public async Task Streams_that_wait_behind_what_is_never_taken_end_and_the_others_go_on()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs[..5]);

        pairs[0][1].LoseWorker();

        (pairs[5][1].Id % 5).Should().Be(pairs[0][1].Id % 5, "there are five workers");
        foreach (SpdyStream stream in pairs[5])
        {
            (await stream.Ended.Soon()).Kind.Should().Be(StreamEndKind.SessionLost);
        }

        (await pairs[5][1].WriteAsync("more"u8.ToArray())).Should().BeFalse();
        pairs[1..5].SelectMany(pair => pair).Should().AllSatisfy(stream => stream.Ended.IsCompleted.Should().BeFalse());
        (await pairs[1][1].WriteAsync("more"u8.ToArray())).Should().BeTrue();
    }

    [Fact]
    public async Task The_peer_is_told_of_each_stream_that_has_waited_in_vain()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs[..5]);
        pairs[0][1].Reset();
        (await _fixture.Peer.ReadControlAsync(WireFrame.RstStream)).StreamId.Should().Be(pairs[0][1].Id);

        pairs[0][1].LoseWorker();

        uint[] reset = [(await _fixture.Peer.ReadControlAsync(WireFrame.RstStream)).StreamId, (await _fixture.Peer.ReadControlAsync(WireFrame.RstStream)).StreamId];
        reset.Should().BeEquivalentTo(pairs[5].Select(stream => stream.Id));
    }

    [Fact]
    public async Task A_stream_whose_data_was_taken_may_go_on_to_receive_until_it_sends()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        SpdyStream neighbour = pairs[5][1];
        await ReplyAsync(pairs);
        await ConfirmAsync();
        await pairs[0][1].WriteAsync("nobody reads this"u8.ToArray());

        pairs[0][1].LoseWorker();

        await _fixture.Peer.SendAsync(SpdyPeer.Data(neighbour.Id, "answer"));
        (await neighbour.Input.ReadTextAsync(6)).Should().Be("answer");
        neighbour.Ended.IsCompleted.Should().BeFalse();
        (await neighbour.WriteAsync("and another question"u8.ToArray())).Should().BeFalse();
        (await neighbour.Ended.Soon()).Kind.Should().Be(StreamEndKind.SessionLost);
        (await pairs[5][0].Ended.Soon()).Kind.Should().Be(StreamEndKind.SessionLost);
    }

    [Fact]
    public async Task A_stream_that_only_waits_for_a_reply_waits_in_vain_too()
    {
        SpdyStream[][] pairs = await OpenAsync(5);
        SpdyStream[] silent = (await _fixture.Session.OpenAsync([new StreamOpening([], Finish: true), new StreamOpening([])], default))!;
        (silent[1].Id % 5).Should().Be(pairs[0][1].Id % 5);

        pairs[0][1].LoseWorker();

        (await silent[1].Ended.Soon()).Kind.Should().Be(StreamEndKind.SessionLost);
    }

    [Fact]
    public async Task When_all_of_a_stream_was_taken_its_worker_waits_for_another_one_and_nothing_ends()
    {
        SpdyStream[][] pairs = await OpenAsync(6);
        await ReplyAsync(pairs);
        await ConfirmAsync();
        await pairs[5][1].WriteAsync("for an application that is paused"u8.ToArray());

        pairs[0][1].LoseWorker();

        pairs.SelectMany(pair => pair).Should().AllSatisfy(stream => stream.Ended.IsCompleted.Should().BeFalse());
        (await pairs[5][1].WriteAsync("more"u8.ToArray())).Should().BeTrue();
    }

    [Fact]
    public async Task Nothing_is_opened_where_it_might_wait_in_vain()
    {
        SpdyStream[][] pairs = await OpenAsync(1);

        pairs[0][1].LoseWorker();

        (await _fixture.Session.OpenAsync([new StreamOpening([])], default)).Should().BeNull();
        _fixture.Session.Completion.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Once_the_peer_holds_more_frames_than_it_lets_wait_the_session_ends()
    {
        SpdyStream[][] pairs = await OpenAsync(2);
        pairs[0][1].LoseWorker();
        Task<bool> asked = Task.FromResult(false);

        // Some frames wait already, and one PING in five comes to them.
        int rounds = 0;
        for (; rounds < 60 && _fixture.Session.Fault is null; rounds++)
        {
            asked = _fixture.Session.ConfirmTakenAsync();
        }

        rounds.Should().BeInRange(45, 50);
        (await asked.Soon()).Should().BeFalse();
        _fixture.Session.Fault.Should().BeOfType<SpdyProtocolException>().Which.Message.Should().Contain("more than 50 frames");
        (await pairs[1][1].Ended.Soon()).Kind.Should().Be(StreamEndKind.SessionLost);
    }

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

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
        Task<bool> taken = _fixture.Session.ConfirmTakenAsync();
        for (int i = 0; i < 5; i++)
        {
            await _fixture.Peer.SendAsync(SpdyPeer.Ping((await _fixture.Peer.ReadControlAsync(WireFrame.Ping)).Word(0)));
        }

        (await taken.Soon()).Should().BeTrue();
    }
}
