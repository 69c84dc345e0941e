using System.Text;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>How the pod ends a pair, and how this side does.</summary>
public sealed class SpdyPairEndTests : SpdyTunnelTestBase
{
    /// <summary>The endings of section 2 of the wire protocol, and a few that only a broken network makes. E: error stream, D: data stream.</summary>
    public static TheoryData<string, string, string?> Endings => new()
    {
        { "D.fin E.message E.fin", nameof(PairEndKind.Failed), "error forwarding port 80" },
        { "D.fin E.message E.rst", nameof(PairEndKind.Failed), "error forwarding port 80" },
        { "D.fin E.message lost", nameof(PairEndKind.Failed), "error forwarding port 80" },
        { "E.message E.fin D.fin", nameof(PairEndKind.Failed), "error forwarding port 80" },
        { "D.rst E.message E.fin", nameof(PairEndKind.Failed), "error forwarding port 80" },
        { "D.fin E.rst", nameof(PairEndKind.Reset), null },
        { "E.rst D.fin", nameof(PairEndKind.Reset), null },
        { "D.rst E.fin", nameof(PairEndKind.Reset), null },
        { "D.rst E.rst", nameof(PairEndKind.Reset), null },
        { "D.fin E.fin", nameof(PairEndKind.Completed), null },
        { "E.fin D.fin", nameof(PairEndKind.Completed), null },
        { "D.fin E.blank E.fin", nameof(PairEndKind.Completed), null },
        { "D.fin lost", nameof(PairEndKind.TunnelLost), null },
        { "lost", nameof(PairEndKind.TunnelLost), null },
    };

    [Theory]
    [MemberData(nameof(Endings))]
    public async Task The_end_of_the_error_stream_is_the_completion_status(string script, string kind, string? message)
    {
        ITunnelPair pair = await OpenAsync();
        await _pod.SendAsync(SpdyPeer.SynReply(ErrorId), SpdyPeer.SynReply(DataId), SpdyPeer.Data(DataId, "answer"));

        foreach (string step in script.Split(' '))
        {
            await PlayAsync(step);
        }

        (await pair.Completion.Soon()).Should().Be(new PairEnd(Enum.Parse<PairEndKind>(kind), message));
        (await pair.Input.ReadTextToEndAsync()).Should().Be("answer");
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task The_end_of_the_data_is_no_completion_status_yet()
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
    public async Task A_reset_resets_the_data_stream_only_and_the_pods_answer_to_it_is_the_completion_status()
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
    public async Task A_pair_that_is_disposed_while_it_is_open_is_reset()
    {
        ITunnelPair pair = await OpenAsync();

        await pair.DisposeAsync();

        (await _pod.ReadControlAsync(WireFrame.RstStream)).StreamId.Should().Be(DataId);
        await PlayAsync("E.fin");
    }

    [Fact]
    public async Task A_pair_that_is_disposed_after_the_pods_end_is_finished_so_that_the_pod_can_forget_it()
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
        await pair.WriteAsync("last bytes"u8.ToArray(), CancellationToken.None);
        ValueTask<System.IO.Pipelines.ReadResult> reading = pair.Input.ReadAsync();

        pair.CloseByClient();
        (await reading.AsTask().Soon()).IsCanceled.Should().BeTrue();
        Task<bool> taken = pair.DrainAsync(CancellationToken.None);

        (await _pod.ReadDataAsync(DataId)).Body.Should().Equal("last bytes"u8.ToArray());
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
}
