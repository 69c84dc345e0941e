using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using PortForward.Spdy;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

public sealed class SpdyTunnelTests : IAsyncDisposable
{
    private const uint ErrorId = 3, DataId = 5;

    private static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(5);

    private readonly SleepyTime _time = new();
    private readonly DuplexStream _client;
    private readonly SpdyPeer _pod;
    private readonly SpdyTunnel _tunnel;
    private readonly Queue<uint> _pings = new();

    public SpdyTunnelTests()
    {
        (_client, DuplexStream server) = DuplexStream.CreatePair();
        _pod = new SpdyPeer(server);
        _tunnel = new SpdyTunnel(_client, new TunnelDialOptions { Time = _time }, NullLogger.Instance);
    }

    /// <summary>The endings of section 2 of the wire protocol, and a few that only a broken network makes. E: error stream, D: data stream.</summary>
    public static TheoryData<string, PairEndKind, string?> Endings => new()
    {
        { "D.fin E.message E.fin", PairEndKind.Failed, "error forwarding port 80" },
        { "D.fin E.message E.rst", PairEndKind.Failed, "error forwarding port 80" },
        { "D.fin E.message lost", PairEndKind.Failed, "error forwarding port 80" },
        { "E.message E.fin D.fin", PairEndKind.Failed, "error forwarding port 80" },
        { "D.rst E.message E.fin", PairEndKind.Failed, "error forwarding port 80" },
        { "D.fin E.rst", PairEndKind.Reset, null },
        { "E.rst D.fin", PairEndKind.Reset, null },
        { "D.rst E.fin", PairEndKind.Reset, null },
        { "D.rst E.rst", PairEndKind.Reset, null },
        { "D.fin E.fin", PairEndKind.Completed, null },
        { "E.fin D.fin", PairEndKind.Completed, null },
        { "D.fin E.blank E.fin", PairEndKind.Completed, null },
        { "D.fin lost", PairEndKind.TunnelLost, null },
        { "lost", PairEndKind.TunnelLost, null },
    };

    [Fact]
    public async Task A_pair_is_two_streams_with_the_headers_of_the_protocol_and_the_first_bytes_in_one_write()
    {
        await _tunnel.OpenPairAsync(8080, "GET /"u8.ToArray(), CancellationToken.None);

        _client.Writes.Should().ContainSingle();
        (uint errorId, bool errorFin, Dictionary<string, string> error) = await _pod.ReadSynStreamAsync();
        (uint dataId, bool dataFin, Dictionary<string, string> data) = await _pod.ReadSynStreamAsync();
        (errorId, errorFin, dataId, dataFin).Should().Be((ErrorId, true, DataId, false));
        error.Should().BeEquivalentTo(new Dictionary<string, string>(StringComparer.Ordinal) { ["streamtype"] = "error", ["port"] = "8080", ["requestid"] = "0" });
        data.Should().BeEquivalentTo(new Dictionary<string, string>(StringComparer.Ordinal) { ["streamtype"] = "data", ["port"] = "8080", ["requestid"] = "0" });
        Encoding.UTF8.GetString((await _pod.ReadDataAsync(DataId)).Body).Should().Be("GET /");
    }

    [Fact]
    public async Task Every_pair_has_a_request_id_of_its_own()
    {
        for (int i = 0; i < 3; i++)
        {
            await _tunnel.OpenPairAsync(80, default, CancellationToken.None);
            (await _pod.ReadSynStreamAsync()).Headers["requestid"].Should().Be($"{i}");
            (await _pod.ReadSynStreamAsync()).Headers["requestid"].Should().Be($"{i}");
        }
    }

    [Fact]
    public async Task The_most_first_bytes_fit_in_one_frame()
    {
        byte[] first = new byte[_tunnel.MaxInitialData];

        await _tunnel.OpenPairAsync(80, first, CancellationToken.None);

        await _pod.ReadSynStreamAsync();
        await _pod.ReadSynStreamAsync();
        (await _pod.ReadDataAsync(DataId)).Body.Should().HaveCount(32 * 1024);
        Func<Task> more = () => _tunnel.OpenPairAsync(80, new byte[first.Length + 1], CancellationToken.None).AsTask();
        await more.Should().ThrowAsync<ArgumentOutOfRangeException>();
    }

    [Theory]
    [MemberData(nameof(Endings))]
    public async Task The_end_of_the_error_stream_is_the_verdict(string script, PairEndKind kind, string? message)
    {
        ITunnelPair pair = await OpenAsync();
        await _pod.SendAsync(SpdyPeer.SynReply(ErrorId), SpdyPeer.SynReply(DataId), SpdyPeer.Data(DataId, "answer"));

        foreach (string step in script.Split(' '))
        {
            await PlayAsync(step);
        }

        (await pair.Completion.Soon()).Should().Be(new PairEnd(kind, message));
        (await pair.Input.ReadTextToEndAsync()).Should().Be("answer");
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task The_end_of_the_data_is_no_verdict_yet()
    {
        ITunnelPair pair = await OpenAsync();

        await PlayAsync("D.fin");
        await SettleAsync();

        (await pair.Input.ReadToEndAsync()).Should().BeEmpty();
        pair.Completion.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task A_message_may_come_in_pieces_that_cut_a_character()
    {
        ITunnelPair pair = await OpenAsync();
        byte[] message = Encoding.UTF8.GetBytes(" Zürich ist nicht erreichbar \n");

        await _pod.SendAsync([.. message.Select(b => SpdyPeer.Data(ErrorId, [b])), SpdyPeer.Fin(ErrorId)]);

        (await pair.Completion.Soon()).Message.Should().Be("Zürich ist nicht erreichbar");
    }

    [Fact]
    public async Task A_message_without_end_is_cut_and_thrown_away_without_holding_up_the_tunnel()
    {
        ITunnelPair pair = await OpenAsync();

        await _pod.SendAsync(SpdyPeer.Data(ErrorId, new string('x', 5000)), SpdyPeer.Data(ErrorId, new string('y', 1_000_000)), SpdyPeer.Fin(ErrorId));

        (await pair.Completion.Soon()).Message.Should().Be(new string('x', 5000) + new string('y', 8192 - 5000));
    }

    [Fact]
    public async Task A_reset_resets_the_data_stream_only_and_the_pods_answer_to_it_is_the_verdict()
    {
        ITunnelPair pair = await OpenAsync();

        pair.Reset();
        pair.Reset();

        WireFrame rst = await _pod.ReadControlAsync(WireFrame.RstStream);
        (rst.Word(0), rst.Word(1)).Should().Be((DataId, 5u));
        await SettleAsync();
        await PlayAsync("E.fin");
        (await pair.Completion.Soon()).Kind.Should().Be(PairEndKind.Completed);
    }

    [Fact]
    public async Task Bytes_and_the_end_of_the_client_are_passed_on()
    {
        ITunnelPair pair = await OpenAsync();

        (await pair.WriteAsync("ping"u8.ToArray(), CancellationToken.None)).Should().BeTrue();
        await pair.FinishAsync(CancellationToken.None);

        (await _pod.ReadDataAsync(DataId)).Body.Should().Equal("ping"u8.ToArray());
        (await _pod.ReadDataAsync(DataId)).Fin.Should().BeTrue();
        (await pair.WriteAsync("more"u8.ToArray(), CancellationToken.None)).Should().BeFalse();
    }

    [Fact]
    public async Task A_pair_that_is_given_up_while_it_is_open_is_reset()
    {
        ITunnelPair pair = await OpenAsync();

        await pair.DisposeAsync();

        (await _pod.ReadControlAsync(WireFrame.RstStream)).StreamId.Should().Be(DataId);
        await PlayAsync("E.fin");
    }

    [Fact]
    public async Task A_pair_that_is_given_up_after_the_pods_end_is_finished_so_that_the_pod_can_forget_it()
    {
        ITunnelPair pair = await OpenAsync();
        await PlayAsync("D.fin");
        await PlayAsync("E.fin");
        await pair.Input.ReadToEndAsync();

        await pair.DisposeAsync();
        await pair.DisposeAsync();

        (await _pod.ReadDataAsync(DataId)).Fin.Should().BeTrue();
        await SettleAsync();
    }

    [Fact]
    public async Task A_client_that_has_gone_in_good_order_is_finished_and_not_reset()
    {
        ITunnelPair pair = await OpenAsync();
        await pair.WriteAsync("last words"u8.ToArray(), CancellationToken.None);
        ValueTask<System.IO.Pipelines.ReadResult> reading = pair.Input.ReadAsync();

        pair.CloseByClient();
        (await reading.AsTask().Soon()).IsCanceled.Should().BeTrue();
        Task<bool> taken = pair.DrainAsync(CancellationToken.None);

        (await _pod.ReadDataAsync(DataId)).Body.Should().Equal("last words"u8.ToArray());
        WireFrame ping = await _pod.ReadControlAsync(WireFrame.Ping);
        (await _pod.ReadDataAsync(DataId)).Fin.Should().BeTrue();
        await _pod.SendAsync(SpdyPeer.Data(DataId, "an answer that nobody reads"), SpdyPeer.Ping(ping.Word(0)));
        (await taken.Soon()).Should().BeTrue("nothing of the pair can hold up another one, though the pod has not ended it yet");
        (await _tunnel.OpenPairAsync(80, default, CancellationToken.None).Soon()).Value.Should().NotBeNull();
    }

    [Fact]
    public async Task An_application_that_goes_on_sending_to_a_client_that_has_gone_is_told_to_stop()
    {
        ITunnelPair pair = await OpenAsync();
        pair.CloseByClient();
        await pair.DisposeAsync();
        (await _pod.ReadDataAsync(DataId)).Fin.Should().BeTrue();

        await _pod.SendAsync(SpdyPeer.Data(DataId, new byte[100_000]));

        (await _pod.ReadControlAsync(WireFrame.RstStream)).StreamId.Should().Be(DataId);
    }

    [Fact]
    public async Task What_the_pod_sends_to_a_pair_that_was_given_up_does_not_hold_up_the_tunnel()
    {
        ITunnelPair pair = await OpenAsync();
        await pair.DisposeAsync();
        await _pod.ReadControlAsync(WireFrame.RstStream);

        await _pod.SendAsync(SpdyPeer.Data(DataId, new byte[2_000_000]));
        await PlayAsync("E.fin");

        (await _tunnel.OpenPairAsync(80, default, CancellationToken.None).Soon()).Value.Should().NotBeNull();
    }

    [Fact]
    public async Task A_tunnel_that_has_ended_opens_nothing_and_says_so()
    {
        await _pod.DisposeAsync();
        await _tunnel.Completion.Soon();

        _tunnel.CanOpen.Should().BeFalse();
        (await _tunnel.OpenPairAsync(80, "x"u8.ToArray(), CancellationToken.None)).Fault!.Kind.Should().Be(TunnelFaultKind.Lost);
    }

    [Fact]
    public async Task An_idle_tunnel_is_pinged_so_that_nobody_cuts_it()
    {
        _time.Advance(PingInterval);
        (await _pod.ReadControlAsync(WireFrame.Ping)).Word(0).Should().Be(1);
        await _pod.SendAsync(SpdyPeer.Ping(1));

        _time.Advance(PingInterval);
        (await _pod.ReadControlAsync(WireFrame.Ping)).Word(0).Should().Be(3);

        await _tunnel.DisposeAsync();
        _time.Advance(PingInterval);
        (await _pod.ReadAsync()).Should().BeNull();
    }

    [Fact]
    public async Task Pings_that_a_stalled_pod_does_not_answer_do_not_pile_up()
    {
        ITunnelPair pair = await OpenAsync();
        await pair.WriteAsync("never read"u8.ToArray(), CancellationToken.None);
        await _pod.ReadDataAsync(DataId);
        for (int i = 0; i < 100; i++)
        {
            await AskAsync(pings: 5);
        }

        SpdySession session = SpdyTunnelInsides.SessionOf(_tunnel);
        await Waiting.UntilAsync(() => session.AwaitedPongs <= 5);
        _tunnel.CanOpen.Should().BeTrue("an application that does not read is no reason to drop the tunnel");
        _tunnel.IsUnresponsive.Should().BeTrue("but it may be dead as well");
    }

    [Fact]
    public async Task A_tunnel_that_was_not_heard_for_an_interval_says_so_and_again_when_its_time_is_up()
    {
        int silences = 0;
        _tunnel.OnSilence = () => silences++;
        ITunnelPair pair = await OpenAsync();
        await pair.WriteAsync("not read yet"u8.ToArray(), CancellationToken.None);
        await _pod.ReadDataAsync(DataId);

        await AskAsync(pings: 5);
        (_tunnel.IsSilent, silences).Should().Be((false, 0), "the pair was answered");
        await AskAsync(pings: 5);
        (_tunnel.IsSilent, _tunnel.IsUnresponsive, silences).Should().Be((true, false, 1));
        await AskAsync(pings: 5);
        await AskAsync(pings: 5);
        (_tunnel.IsSilent, _tunnel.IsUnresponsive, silences).Should().Be((true, true, 2));

        await SettleAsync();
        _tunnel.IsSilent.Should().BeFalse();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_pair_that_the_pod_does_not_answer_ends_and_its_tunnel_opens_no_other(bool hasSent)
    {
        ITunnelPair pair = await OpenAsync(isAnswered: false);
        if (hasSent)
        {
            await pair.WriteAsync("a request"u8.ToArray(), CancellationToken.None);
        }

        await WaitForAnswerAsync(9);
        (pair.Completion.IsCompleted, _tunnel.CanOpen).Should().Be((false, true));
        await WaitForAnswerAsync(1);

        (await pair.Completion.Soon()).Kind.Should().Be(PairEndKind.Unanswered);
        (await pair.Input.ReadToEndAsync()).Should().BeEmpty();
        (_tunnel.CanOpen, _tunnel.IsConnected).Should().Be((false, true));
        (await pair.DrainAsync(CancellationToken.None).Soon()).Should().BeFalse();
    }

    [Theory]
    [InlineData("reply")]
    [InlineData("E.message")]
    [InlineData("D.fin")]
    [InlineData("D.rst")]
    public async Task Whatever_the_pod_says_of_a_pair_is_an_answer(string answer)
    {
        ITunnelPair pair = await OpenAsync(isAnswered: false);
        await (answer == "reply" ? _pod.SendAsync(SpdyPeer.SynReply(ErrorId)) : PlayAsync(answer));
        await SettleAsync();

        await WaitForAnswerAsync(20);

        (_tunnel.CanOpen, pair.Completion.IsCompleted).Should().Be((true, false));
    }

    [Fact]
    public async Task A_pair_is_not_waited_for_while_a_client_does_not_read()
    {
        ITunnelPair stalled = await OpenAsync();
        await FloodAsync(1_000_000);
        await _tunnel.OpenPairAsync(80, default, CancellationToken.None);

        for (int i = 0; i < 30; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        _tunnel.CanOpen.Should().BeTrue();
        await stalled.DisposeAsync();
    }

    [Fact]
    public async Task A_pair_is_not_waited_for_while_data_of_another_one_may_hold_its_answer_up()
    {
        ITunnelPair[] neighbours = [await OpenAsync(), await OpenAsync(), await OpenAsync(), await OpenAsync(), await OpenAsync()];
        foreach (ITunnelPair neighbour in neighbours)
        {
            // Each has one of the peer's five workers for its data.
            await neighbour.WriteAsync("never read"u8.ToArray(), CancellationToken.None);
            (await _pod.ReadFrameAsync()).IsControl.Should().BeFalse();
        }

        await ShouldWaitUntilTheOthersAreTakenAsync();
    }

    [Fact]
    public async Task A_pair_is_not_waited_for_while_the_pod_may_read_no_more_for_want_of_room_for_another_one()
    {
        ITunnelPair neighbour = await OpenAsync();
        for (int frame = 0; frame < 60; frame++)
        {
            await neighbour.WriteAsync("never read"u8.ToArray(), CancellationToken.None);
            (await _pod.ReadFrameAsync()).IsControl.Should().BeFalse();
        }

        await ShouldWaitUntilTheOthersAreTakenAsync();
    }

    private async Task ShouldWaitUntilTheOthersAreTakenAsync()
    {
        ITunnelPair pair = await OpenAsync(isAnswered: false);
        await WaitForAnswerAsync(30);
        (pair.Completion.IsCompleted, _tunnel.CanOpen).Should().Be((false, true));

        await AnswerPingsAsync();
        await BeHeardAsync();
        await WaitForAnswerAsync(10);
        (await pair.Completion.Soon()).Kind.Should().Be(PairEndKind.Unanswered);
    }

    [Fact]
    public async Task A_tunnel_whose_client_has_lost_patience_before_an_answer_is_not_used_again()
    {
        ITunnelPair pair = await OpenAsync(isAnswered: false);
        await WaitForAnswerAsync(2);

        Task<bool> taken = pair.DrainAsync(CancellationToken.None);
        while (!taken.IsCompleted)
        {
            await BeHeardAsync();
            await AnswerPingsAsync();
        }

        (await taken.Soon()).Should().BeFalse();
    }

    [Fact]
    public async Task A_silent_tunnel_is_dead_after_three_questions()
    {
        await AskAsync(pings: 1);
        await AskAsync(pings: 1);
        _tunnel.CanOpen.Should().BeTrue();
        _time.Advance(PingInterval);

        await _tunnel.Completion.Soon();
        _tunnel.CanOpen.Should().BeFalse();
    }

    [Fact]
    public async Task Any_byte_that_came_after_a_question_keeps_a_tunnel_alive()
    {
        ITunnelPair pair = await OpenAsync();
        for (int i = 0; i < 20; i++)
        {
            await AskAsync(pings: 1);
            await _pod.SendAsync(SpdyPeer.Data(DataId, "x"));
            System.IO.Pipelines.ReadResult read = await pair.Input.ReadAsync().AsTask().Soon();
            pair.Input.AdvanceTo(read.Buffer.End);
            await SettleAsync();
        }

        _tunnel.CanOpen.Should().BeTrue("no PING was ever answered, but bytes have come");
    }

    [Fact]
    public async Task No_deadline_runs_while_this_sides_client_does_not_read()
    {
        ITunnelPair pair = await OpenAsync();
        Task flood = _pod.SendAsync(SpdyPeer.Data(DataId, new byte[1_000_000]));
        SpdySession session = SpdyTunnelInsides.SessionOf(_tunnel);
        await Waiting.UntilAsync(() => !session.IsReading && session.BytesReceived > 250_000);

        _time.Advance(TimeSpan.FromMinutes(2));

        _tunnel.CanOpen.Should().BeTrue();
        _tunnel.IsUnresponsive.Should().BeFalse();
        int received = 0;
        while (received < 1_000_000)
        {
            System.IO.Pipelines.ReadResult read = await pair.Input.ReadAsync().AsTask().Soon();
            received += (int)read.Buffer.Length;
            pair.Input.AdvanceTo(read.Buffer.End);
        }

        await flood.Soon();
    }

    [Fact]
    public async Task A_suspect_tunnel_that_is_heard_again_is_suspect_no_more()
    {
        ITunnelPair pair = await OpenAsync();
        await pair.WriteAsync("not read yet"u8.ToArray(), CancellationToken.None);
        await _pod.ReadDataAsync(DataId);
        for (int i = 0; i < 10; i++)
        {
            await AskAsync(pings: 5);
        }

        _tunnel.IsUnresponsive.Should().BeTrue();
        await SettleAsync();
        await AskAsync(pings: 5);

        _tunnel.IsUnresponsive.Should().BeFalse();
    }

    [Fact]
    public async Task After_a_sleep_one_question_without_an_answer_is_enough()
    {
        _time.Slept = TimeSpan.FromHours(8);
        await AskAsync(pings: 1);
        _tunnel.CanOpen.Should().BeTrue();
        _time.Advance(PingInterval);

        await _tunnel.Completion.Soon();
    }

    [Fact]
    public async Task After_a_sleep_an_answer_keeps_the_tunnel()
    {
        _time.Slept = TimeSpan.FromHours(8);
        await AskAsync(pings: 1);
        await SettleAsync();
        await AskAsync(pings: 1);

        _tunnel.CanOpen.Should().BeTrue();
    }

    [Fact]
    public async Task A_tunnel_flows_when_every_worker_of_the_pod_has_answered()
    {
        ITunnelPair pair = await OpenAsync();
        await Waiting.UntilAsync(() => _tunnel.IsWaitingForPod);
        (await _tunnel.IsFlowingAsync(CancellationToken.None).Soon()).Should().BeTrue("nothing was sent that could hold it up");
        await pair.WriteAsync("x"u8.ToArray(), CancellationToken.None);
        await _pod.ReadDataAsync(DataId);

        Task<bool> flows = _tunnel.IsFlowingAsync(CancellationToken.None);
        for (uint i = 0; i < 5; i++)
        {
            flows.IsCompleted.Should().BeFalse();
            await _pod.SendAsync(SpdyPeer.Ping((await _pod.ReadControlAsync(WireFrame.Ping)).Word(0)));
        }

        (await flows.Soon()).Should().BeTrue();
        await Waiting.UntilAsync(() => _tunnel.IsWaitingForPod);
        (await _tunnel.IsFlowingAsync(CancellationToken.None).Soon()).Should().BeTrue("now it is known");
    }

    [Fact]
    public async Task A_tunnel_whose_client_is_only_slow_flows()
    {
        ITunnelPair pair = await OpenAsync();
        await FloodAsync(1_000_000);

        Task<bool> flows = _tunnel.IsFlowingAsync(CancellationToken.None);
        for (uint i = 0; i < 5; i++)
        {
            await _pod.SendAsync(SpdyPeer.Ping((await _pod.ReadControlAsync(WireFrame.Ping)).Word(0)));
        }

        flows.IsCompleted.Should().BeFalse("the answers are behind what the client has not read yet");
        for (int received = 0; received < 1_000_000;)
        {
            System.IO.Pipelines.ReadResult read = await pair.Input.ReadAsync().AsTask().Soon();
            received += (int)read.Buffer.Length;
            pair.Input.AdvanceTo(read.Buffer.End);
        }

        (await flows.Soon()).Should().BeTrue();
    }

    [Fact]
    public async Task Of_a_tunnel_whose_client_does_not_read_it_is_not_known_whether_it_flows()
    {
        using var cancel = new CancellationTokenSource();
        await OpenAsync();
        await FloodAsync(1_000_000);

        Task<bool> flows = _tunnel.IsFlowingAsync(cancel.Token);
        for (uint i = 0; i < 5; i++)
        {
            await _pod.SendAsync(SpdyPeer.Ping((await _pod.ReadControlAsync(WireFrame.Ping)).Word(0)));
        }

        flows.IsCompleted.Should().BeFalse();
        await cancel.CancelAsync();
        await flows.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        _tunnel.CanOpen.Should().BeTrue();
    }

    public async ValueTask DisposeAsync()
    {
        await _tunnel.DisposeAsync();
        await _pod.DisposeAsync();
    }

    private async Task<ITunnelPair> OpenAsync(bool isAnswered = true)
    {
        ITunnelPair? pair = (await _tunnel.OpenPairAsync(80, default, CancellationToken.None).Soon()).Value;
        (uint error, _, _) = await _pod.ReadSynStreamAsync();
        (uint data, _, _) = await _pod.ReadSynStreamAsync();
        if (isAnswered)
        {
            SpdySession session = SpdyTunnelInsides.SessionOf(_tunnel);
            byte[][] replies = [SpdyPeer.SynReply(error), SpdyPeer.SynReply(data)];
            long received = session.BytesReceived + replies.Sum(reply => reply.Length);
            await _pod.SendAsync(replies);
            await Waiting.UntilAsync(() => session.BytesReceived == received && session.IsReading);
        }

        return pair!;
    }

    /// <summary>Sends more than the tunnel takes for a client that does not read.</summary>
    private async Task FloodAsync(int count)
    {
        await _pod.SendAsync(SpdyPeer.Data(DataId, new byte[count]));
        SpdySession session = SpdyTunnelInsides.SessionOf(_tunnel);
        await Waiting.UntilAsync(() => !session.IsReading && session.BytesReceived > 250_000);
    }

    private async Task PlayAsync(string step)
    {
        switch (step)
        {
            case "D.fin":
                await _pod.SendAsync(SpdyPeer.Fin(DataId));
                break;
            case "D.rst":
                await _pod.SendAsync(SpdyPeer.Rst(DataId, 5));
                break;
            case "E.fin":
                await _pod.SendAsync(SpdyPeer.Fin(ErrorId));
                break;
            case "E.rst":
                await _pod.SendAsync(SpdyPeer.Rst(ErrorId, 5));
                break;
            case "E.message":
                await _pod.SendAsync(SpdyPeer.Data(ErrorId, "error forwarding port 80"));
                break;
            case "E.blank":
                await _pod.SendAsync(SpdyPeer.Data(ErrorId, " \n"));
                break;
            case "lost":
                await _pod.DisposeAsync();
                break;
            default:
                throw new ArgumentException(step, nameof(step));
        }
    }

    /// <summary>Lets the time of a question come, and reads it.</summary>
    private async Task AskAsync(int pings)
    {
        await Waiting.UntilAsync(() => SpdyTunnelInsides.SessionOf(_tunnel).IsReading);
        _time.Advance(PingInterval);
        for (int i = 0; i < pings; i++)
        {
            await _pod.ReadControlAsync(WireFrame.Ping);
        }
    }

    /// <summary>Lets seconds pass in which the pod is heard, and answers nothing.</summary>
    private async Task WaitForAnswerAsync(int seconds)
    {
        for (int i = 0; i < seconds; i++)
        {
            await Waiting.UntilAsync(() => SpdyTunnelInsides.SessionOf(_tunnel).IsReading);
            _time.Advance(TimeSpan.FromSeconds(1));
            await BeHeardAsync();
        }
    }

    /// <summary>Sends a PING of the pod's own, and reads until its answer.</summary>
    private async Task BeHeardAsync()
    {
        const uint Own = 0xfffffff0;
        await _pod.SendAsync(SpdyPeer.Ping(Own));
        for (WireFrame frame = await _pod.ReadFrameAsync(); !frame.IsControl || frame.Type != WireFrame.Ping || frame.Word(0) != Own; frame = await _pod.ReadFrameAsync())
        {
            if (frame.IsControl && frame.Type == WireFrame.Ping)
            {
                _pings.Enqueue(frame.Word(0));
            }
        }
    }

    /// <summary>Answers the PINGs that were read meanwhile.</summary>
    private async Task AnswerPingsAsync()
    {
        while (_pings.TryDequeue(out uint id))
        {
            await _pod.SendAsync(SpdyPeer.Ping(id));
        }
    }

    /// <summary>Waits until the tunnel has handled everything that the pod has sent so far.</summary>
    private async Task SettleAsync()
    {
        await _pod.SendAsync(SpdyPeer.Ping(0xfffffff0));
        (await _pod.ReadControlAsync(WireFrame.Ping)).Word(0).Should().Be(0xfffffff0);
    }
}
