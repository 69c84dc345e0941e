using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>How long a tunnel waits for the pod to answer a pair.</summary>
public sealed class SpdyPairAnswerTests : SpdyTunnelTestBase
{
    private readonly Queue<uint> _pings = new();

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
        ITunnelPair[] others = [await OpenAsync(), await OpenAsync(), await OpenAsync(), await OpenAsync(), await OpenAsync()];
        foreach (ITunnelPair other in others)
        {
            // Each has one of the peer's five workers for its data.
            await other.WriteAsync("never read"u8.ToArray(), CancellationToken.None);
            (await _pod.ReadFrameAsync()).IsControl.Should().BeFalse();
        }

        await ShouldWaitUntilTheOthersAreTakenAsync();
    }

    [Fact]
    public async Task A_pair_is_not_waited_for_while_the_pod_may_read_no_more_for_want_of_room_for_another_one()
    {
        ITunnelPair other = await OpenAsync();
        for (int frame = 0; frame < 60; frame++)
        {
            await other.WriteAsync("never read"u8.ToArray(), CancellationToken.None);
            (await _pod.ReadFrameAsync()).IsControl.Should().BeFalse();
        }

        await ShouldWaitUntilTheOthersAreTakenAsync();
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
}
