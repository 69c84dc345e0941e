using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Text;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>WebSocket channels against a server that does what a test tells it to.</summary>
public sealed class ChannelTunnelDialerTests : IDisposable
{
    private readonly UpgradeServer _server = new();
    private readonly HttpMessageInvoker _invoker = new(new SocketsHttpHandler());
    private readonly CountingTime _time = new();
    private readonly ChannelTunnelDialer _dialer;

    public ChannelTunnelDialerTests() => _dialer = new ChannelTunnelDialer(_invoker, _server.Uri, new TunnelDialOptions { Time = _time });

    public void Dispose()
    {
        _invoker.Dispose();
        _server.Dispose();
    }

    [Fact]
    public async Task A_dial_connects_to_no_application_and_asks_the_server_once_for_many_connections()
    {
        ITunnel first = await DialAsync();
        TunnelDialResult second = await _dialer.DialAsync(CancellationToken.None).Soon();

        first.IsConnected.Should().BeFalse();
        (await first.PingAsync(CancellationToken.None)).Should().BeTrue();
        second.Tunnel.Should().NotBeNull();
    }

    [Fact]
    public async Task A_server_that_was_silent_for_a_while_is_asked_again()
    {
        await DialAsync();
        _time.Advance(TimeSpan.FromSeconds(5));

        Task<TunnelDialResult> dial = _dialer.DialAsync(CancellationToken.None);
        using UpgradeConnection connection = await _server.AcceptAsync();
        await connection.RespondAsync("HTTP/1.1 403 Forbidden\nContent-Length: 2\n\nno");

        TunnelFault fault = (await dial.Soon()).Fault!;
        (fault.Kind, fault.StatusCode, fault.Body).Should().Be((TunnelFaultKind.Refused, System.Net.HttpStatusCode.Forbidden, "no"));
    }

    [Theory]
    [InlineData("Upgrade request required")]
    [InlineData("<html>Bad Request</html>")]
    public async Task Any_other_bad_request_than_for_want_of_a_port_is_a_refusal(string body)
    {
        Task<TunnelDialResult> dial = _dialer.DialAsync(CancellationToken.None);
        using UpgradeConnection connection = await _server.AcceptAsync();
        await connection.RespondAsync($"HTTP/1.1 400 Bad Request\nContent-Length: {body.Length}\n\n{body}");

        (await dial.Soon()).Fault!.Body.Should().Be(body);
    }

    [Fact]
    public async Task A_connection_asks_for_its_port_and_carries_bytes_both_ways()
    {
        (Peer peer, ITunnel tunnel, IStreamPair pair) = await OpenAsync(8080, "first");
        using Peer owned = peer;

        peer.RequestLine.Should().Be("GET /api/v1/namespaces/default/pods/web/portforward?ports=8080 HTTP/1.1");
        (await peer.ReceiveAsync()).Should().Be("\0first");
        (await pair.WriteAsync("more"u8.ToArray(), CancellationToken.None)).Should().BeTrue();
        (await peer.ReceiveAsync()).Should().Be("\0more");
        await peer.SendAsync(0, "answer");
        (await ReadAsync(pair, 6)).Should().Be("answer");
        (tunnel.CanOpen, tunnel.IsConnected, tunnel.IsWaitingForPod).Should().Be((false, true, true));
        (await tunnel.OpenPairAsync(8080, default, CancellationToken.None)).Fault!.Kind.Should().Be(TunnelFaultKind.Lost, "it carries one connection");
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task The_servers_close_is_an_end_in_good_order()
    {
        (Peer peer, ITunnel tunnel, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;
        await peer.SendAsync(0, "whole");
        await peer.CloseAsync();

        (await ReadAsync(pair, 5)).Should().Be("whole");
        (await pair.Input.ReadAsync().AsTask().Soon()).IsCompleted.Should().BeTrue();
        (await pair.Ended.Soon()).Should().Be(new PairEnd(PairEndKind.Completed));
        (await tunnel.Completion.Soon()).Should().Be(TunnelEnd.Finished);
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_message_on_the_error_channel_is_the_verdict_after_all_data()
    {
        (Peer peer, _, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;
        await peer.SendAsync(0, "part");
        await peer.SendAsync(1, "connection reset by peer\n");
        await peer.CloseAsync();

        (await ReadAsync(pair, 4)).Should().Be("part");
        (await pair.Ended.Soon()).Should().Be(new PairEnd(PairEndKind.Failed, "connection reset by peer"));
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_connection_that_breaks_off_is_a_lost_tunnel()
    {
        (Peer peer, ITunnel tunnel, IStreamPair pair) = await OpenAsync(8080);
        peer.Dispose();

        (await pair.Ended.Soon()).Kind.Should().Be(PairEndKind.TunnelLost);
        (await tunnel.Completion.Soon()).Should().Be(TunnelEnd.Lost);
        (await pair.WriteAsync("x"u8.ToArray(), CancellationToken.None)).Should().BeFalse();
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_pair_that_this_side_gives_up_ends_the_connection_and_is_no_loss()
    {
        (Peer peer, ITunnel tunnel, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;

        await pair.DisposeAsync().AsTask().Soon();

        (await tunnel.Completion.Soon()).Should().Be(TunnelEnd.Finished);
        await FluentActions.Awaiting(() => peer.ReceiveAsync()).Should().ThrowAsync<WebSocketException>();
    }

    [Fact]
    public async Task The_clients_end_closes_the_connection_and_what_is_under_way_still_arrives()
    {
        (Peer peer, _, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;

        await pair.FinishAsync(CancellationToken.None);
        await peer.SendAsync(0, "late");
        await peer.CloseAsync();

        (await ReadAsync(pair, 4)).Should().Be("late");
        (await pair.Ended.Soon()).Kind.Should().Be(PairEndKind.Completed);
        await pair.DisposeAsync();
    }

    [Theory]
    [InlineData(7)]
    [InlineData(8080 + 256)]
    public async Task A_server_that_opens_another_port_is_not_believed(int opened)
    {
        Task<TunnelDialResult> dial = ProvedAsync();
        ITunnel tunnel = (await dial).Tunnel!;
        Task<OpenPairResult> open = tunnel.OpenPairAsync(8080, default, CancellationToken.None).AsTask();
        using Peer peer = await Peer.AcceptAsync(_server, opened);
        IStreamPair pair = (await open.Soon()).Pair!;

        (await pair.Ended.Soon()).Kind.Should().Be(PairEndKind.TunnelLost);
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_message_in_pieces_of_any_size_is_put_together()
    {
        Task<TunnelDialResult> dial = ProvedAsync();
        ITunnel tunnel = (await dial).Tunnel!;
        Task<OpenPairResult> open = tunnel.OpenPairAsync(8080, default, CancellationToken.None).AsTask();
        using Peer peer = await Peer.AcceptAsync(_server, preamble: null);
        IStreamPair pair = (await open.Soon()).Pair!;
        byte[] message = [0, 0x90, 0x1f, .. "split"u8];
        for (int i = 0; i < message.Length; i++)
        {
            await peer.SendPieceAsync(message.AsMemory(i, 1), isLast: i == message.Length - 1);
        }

        (await ReadAsync(pair, 5)).Should().Be("split");
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_client_that_does_not_read_is_felt_by_the_server()
    {
        (Peer peer, ITunnel tunnel, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;
        long sent = 0;
        var flood = Task.Run(async () =>
        {
            for (; sent < 256 << 20; sent += 64 << 10)
            {
                await peer.SendAsync(0, new string('x', 64 << 10));
            }
        });

        await Waiting.UntilAsync(() => !tunnel.IsWaitingForPod);
        flood.IsCompleted.Should().BeFalse();
        tunnel.IsSuspect.Should().BeFalse();

        await pair.DisposeAsync().AsTask().Soon();
        await FluentActions.Awaiting(() => flood.Soon()).Should().ThrowAsync<WebSocketException>();
        sent.Should().BeLessThan(64 << 20, "what neither side's system nor the pair's buffer holds is not taken");
    }

    [Fact]
    public async Task A_silent_connection_without_data_on_its_way_is_dead_and_one_with_data_is_suspect()
    {
        (Peer idlePeer, ITunnel idle, IStreamPair idlePair) = await OpenAsync(8080);
        using Peer ownedIdle = idlePeer;
        (Peer busyPeer, ITunnel busy, IStreamPair busyPair) = await OpenAsync(8080, "data", prove: false);
        using Peer ownedBusy = busyPeer;
        await Waiting.UntilAsync(() => idle.IsWaitingForPod && busy.IsWaitingForPod);

        for (int i = 0; i < 5; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
        }

        (await idlePair.Ended.Soon()).Kind.Should().Be(PairEndKind.TunnelLost);
        (await idle.Completion.Soon()).Should().Be(TunnelEnd.Lost);
        (busy.IsSuspect, busy.IsConnected).Should().Be((true, true));
        await busyPair.DisposeAsync();
        await idlePair.DisposeAsync();
    }

    [Fact]
    public async Task A_refused_connection_is_a_fault_with_the_servers_words()
    {
        ITunnel tunnel = await DialAsync();
        Task<OpenPairResult> open = tunnel.OpenPairAsync(8080, default, CancellationToken.None).AsTask();
        using UpgradeConnection connection = await _server.AcceptAsync();
        await connection.RespondAsync("HTTP/1.1 500 Internal Server Error\nContent-Length: 4\n\noops");

        (await open.Soon()).Fault!.Body.Should().Be("oops");
        tunnel.CanOpen.Should().BeFalse();
    }

    private async Task<(Peer Peer, ITunnel Tunnel, IStreamPair Pair)> OpenAsync(int port, string firstBytes = "", bool prove = true)
    {
        ITunnel tunnel = prove ? await DialAsync() : (await _dialer.DialAsync(CancellationToken.None).Soon()).Tunnel!;
        Task<OpenPairResult> open = tunnel.OpenPairAsync(port, Encoding.ASCII.GetBytes(firstBytes), CancellationToken.None).AsTask();
        Peer peer = await Peer.AcceptAsync(_server, port);
        return (peer, tunnel, (await open.Soon()).Pair!);
    }

    private async Task<ITunnel> DialAsync() => (await ProvedAsync()).Tunnel!;

    /// <summary>A dial whose question is answered as a kubelet answers it.</summary>
    private async Task<TunnelDialResult> ProvedAsync()
    {
        Task<TunnelDialResult> dial = _dialer.DialAsync(CancellationToken.None);
        using UpgradeConnection connection = await _server.AcceptAsync();
        connection.RequestLine.Should().Be("GET /api/v1/namespaces/default/pods/web/portforward HTTP/1.1");
        connection.Headers["Sec-WebSocket-Protocol"].Should().Be("v4.channel.k8s.io");
        await connection.RespondAsync("HTTP/1.1 400 Bad Request\nContent-Length: 34\n\nquery parameter \"port\" is required");
        return await dial.Soon();
    }

    private static async Task<string> ReadAsync(IStreamPair pair, int count)
    {
        ReadResult read = await pair.Input.ReadAtLeastAsync(count).AsTask().Soon();
        string text = Encoding.ASCII.GetString(read.Buffer);
        pair.Input.AdvanceTo(read.Buffer.End);
        return text;
    }

    /// <summary>The kubelet's end of a connection.</summary>
    private sealed class Peer(UpgradeConnection connection, WebSocket webSocket) : IDisposable
    {
        public string RequestLine => connection.RequestLine;

        public static async Task<Peer> AcceptAsync(UpgradeServer server, int? preamble)
        {
            UpgradeConnection connection = await server.AcceptAsync();
            var peer = new Peer(connection, await connection.SwitchAsync("v4.channel.k8s.io"));
            if (preamble is { } port)
            {
                await peer.SendPieceAsync(new byte[] { 0, (byte)port, (byte)(port >> 8) }, isLast: true);
                await peer.SendPieceAsync(new byte[] { 1, (byte)port, (byte)(port >> 8) }, isLast: true);
            }

            return peer;
        }

        public Task SendAsync(byte channel, string text) => SendPieceAsync((byte[])[channel, .. Encoding.ASCII.GetBytes(text)], isLast: true);

        public async Task SendPieceAsync(ReadOnlyMemory<byte> bytes, bool isLast) =>
            await webSocket.SendAsync(bytes, WebSocketMessageType.Binary, isLast, CancellationToken.None);

        public async Task<string> ReceiveAsync()
        {
            byte[] buffer = new byte[64 * 1024];
            ValueWebSocketReceiveResult received = await webSocket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None).AsTask().Soon();
            return Encoding.ASCII.GetString(buffer, 0, received.Count);
        }

        public Task CloseAsync() => webSocket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).Soon();

        public void Dispose()
        {
            webSocket.Dispose();
            connection.Dispose();
        }
    }
}
