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
        Attempt<ITunnel> second = await _dialer.DialAsync(CancellationToken.None).Soon();

        first.IsConnected.Should().BeFalse();
        (await first.PingAsync(CancellationToken.None)).Should().BeTrue();
        second.Value.Should().NotBeNull();
    }

    [Fact]
    public async Task A_server_that_was_silent_for_a_while_is_asked_again()
    {
        await DialAsync();
        _time.Advance(TimeSpan.FromSeconds(5));

        Task<Attempt<ITunnel>> dial = _dialer.DialAsync(CancellationToken.None);
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
        Task<Attempt<ITunnel>> dial = _dialer.DialAsync(CancellationToken.None);
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
        (await pair.Completion.Soon()).Should().Be(new PairEnd(PairEndKind.Completed));
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
        (await pair.Completion.Soon()).Should().Be(new PairEnd(PairEndKind.Failed, "connection reset by peer"));
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_connection_that_breaks_off_is_a_lost_tunnel()
    {
        (Peer peer, ITunnel tunnel, IStreamPair pair) = await OpenAsync(8080);
        peer.Dispose();

        (await pair.Completion.Soon()).Kind.Should().Be(PairEndKind.TunnelLost);
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
        (await pair.Completion.Soon()).Kind.Should().Be(PairEndKind.Completed);
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task An_application_that_is_not_reading_gets_the_clients_end_late_and_after_every_byte()
    {
        (Peer peer, _, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;
        byte[] piece = new byte[32 * 1024];
        int pieces = 0;
        Task<bool> sent;
        do
        {
            sent = pair.WriteAsync(piece, CancellationToken.None).AsTask();
            pieces++;
        }
        while (await Task.WhenAny(sent, Task.Delay(TimeSpan.FromMilliseconds(200))) == sent);

        Task finished = pair.FinishAsync(CancellationToken.None).AsTask();
        await Task.WhenAny(finished, Task.Delay(TimeSpan.FromMilliseconds(700)));
        finished.IsCompleted.Should().BeFalse("nobody has taken what comes before it");

        (await peer.ReceiveToEndAsync()).Should().Be(pieces * (long)piece.Length);
        await finished.Soon();
        (await sent).Should().BeTrue();
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_client_that_has_sent_everything_and_left_loses_nothing_though_the_application_answers()
    {
        using var server = new UpgradeServer(receiveBuffer: 4096);
        var dialer = new ChannelTunnelDialer(_invoker, server.Uri);
        ITunnel tunnel = (await ProvedAsync(dialer, server)).Value!;
        Task<Attempt<ITunnelPair>> open = tunnel.OpenPairAsync(8080, default, CancellationToken.None).AsTask();
        using Peer peer = await Peer.AcceptAsync(server, 8080);
        IStreamPair pair = (await open.Soon()).Value!;
        const int Length = 150_000;
        (await pair.WriteAsync(new byte[Length], CancellationToken.None).AsTask().Soon()).Should().BeTrue();

        pair.CloseByClient();
        Task disposed = pair.DisposeAsync().AsTask();
        await peer.SendAsync(0, new string('x', 300_000));

        (await peer.ReceiveToEndAsync()).Should().Be(Length);
        disposed.IsCompleted.Should().BeFalse("the server has not ended its side");
        await peer.CloseAsync();
        await disposed.Soon();
        (await tunnel.Completion.Soon()).Should().Be(TunnelEnd.Finished);
    }

    [Fact]
    public async Task A_client_that_has_left_is_forgotten_when_its_tunnel_is()
    {
        (Peer peer, ITunnel tunnel, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;
        pair.CloseByClient();
        Task disposed = pair.DisposeAsync().AsTask();

        await tunnel.DisposeAsync().AsTask().Soon();

        await disposed.Soon();
        (await tunnel.Completion.Soon()).Should().Be(TunnelEnd.Finished);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(8080 + 256)]
    public async Task A_server_that_opens_another_port_is_not_believed(int opened)
    {
        TunnelFault fault = await FailToOpenAsync(async connection => await (await Peer.SwitchAsync(connection)).OpenAsync(opened));

        (fault.Kind, fault.Message).Should().Be(
            (TunnelFaultKind.BadUpgrade, $"the server switched protocols, but opened no connection: the server opened port {opened} instead of port 8080"));
    }

    [Fact]
    public async Task A_server_that_closes_before_it_has_opened_the_port_has_given_no_answer()
    {
        TunnelFault fault = await FailToOpenAsync(async connection => await (await Peer.SwitchAsync(connection)).CloseAsync());

        (fault.Kind, fault.Message).Should().Be(
            (TunnelFaultKind.BadUpgrade, "the server switched protocols, but opened no connection: the server closed the WebSocket before it had opened the port"));
    }

    [Fact]
    public async Task A_connection_that_opens_one_channel_only_is_given_up()
    {
        TunnelFault fault = await FailToOpenAsync(async connection =>
        {
            Peer peer = await Peer.SwitchAsync(connection);
            await peer.SendPieceAsync(new byte[] { 0, 0x90, 0x1f }, isLast: true);
            await _time.AdvanceUntilAsync(() => _time.GetUtcNow() >= _time.Start + TimeSpan.FromSeconds(30));
        });

        (fault.Kind, fault.Message).Should().Be((TunnelFaultKind.BadUpgrade, "the server switched protocols, but said nothing on the channels within 5 s"));
    }

    [Fact]
    public async Task What_a_connection_has_shown_counts_for_the_dials_after_it_and_for_the_tunnels_before_it()
    {
        ITunnel spare = await DialAsync();
        ITunnel tunnel = (await _dialer.DialAsync(CancellationToken.None).Soon()).Value!;
        TunnelFault fault = await FailToOpenAsync(async connection => await connection.SwitchAsync(subprotocol: null), tunnel);

        fault.Kind.Should().Be(TunnelFaultKind.BadUpgrade);
        (await _dialer.DialAsync(CancellationToken.None).Soon()).Fault.Should().Be(fault, "asked without a port the server would say that all is well");
        spare.CanOpen.Should().BeFalse();

        _time.Advance(TimeSpan.FromSeconds(5));
        (await DialAsync()).CanOpen.Should().BeTrue("by now it may have changed");
    }

    [Fact]
    public async Task A_message_in_pieces_of_any_size_is_put_together()
    {
        Task<Attempt<ITunnel>> dial = ProvedAsync();
        ITunnel tunnel = (await dial).Value!;
        Task<Attempt<ITunnelPair>> open = tunnel.OpenPairAsync(8080, default, CancellationToken.None).AsTask();
        using Peer peer = await Peer.SwitchAsync(await _server.AcceptAsync());
        foreach (byte[] message in (byte[][])[[0, 0x90, 0x1f, .. "split"u8], [1, 0x90, 0x1f]])
        {
            for (int i = 0; i < message.Length; i++)
            {
                await peer.SendPieceAsync(message.AsMemory(i, 1), isLast: i == message.Length - 1);
            }
        }

        IStreamPair pair = (await open.Soon()).Value!;
        (await ReadAsync(pair, 5)).Should().Be("split");
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_client_that_does_not_read_is_felt_by_the_server()
    {
        (Peer peer, ITunnel tunnel, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;
        const long Most = 64 << 20;
        long sent = 0;
        var flood = Task.Run(async () =>
        {
            for (; sent < 2 * Most; Interlocked.Add(ref sent, 64 << 10))
            {
                await peer.SendAsync(0, new string('x', 64 << 10));
            }
        });

        // It stands still for a while: then every buffer on the way is full, and one without a bound would not be.
        for (long before = -1; Interlocked.Read(ref sent) != before && !flood.IsCompleted;)
        {
            before = Interlocked.Read(ref sent);
            await Task.Delay(500);
        }

        flood.IsCompleted.Should().BeFalse();
        Interlocked.Read(ref sent).Should().BeLessThan(Most, "what neither side's system nor the pair's buffer holds is not taken");
        (tunnel.IsWaitingForPod, tunnel.IsUnresponsive).Should().Be((false, false));

        await pair.DisposeAsync().AsTask().Soon();
        await FluentActions.Awaiting(() => flood.Soon()).Should().ThrowAsync<WebSocketException>();
    }

    [Fact]
    public async Task An_answered_PING_says_that_the_data_before_it_was_taken_so_that_silence_is_death_again()
    {
        var dialer = new ChannelTunnelDialer(_invoker, _server.Uri, new TunnelDialOptions { Time = _time, LivenessTimeout = TimeSpan.FromMilliseconds(300) });
        ITunnel tunnel = (await ProvedAsync(dialer, _server)).Value!;
        Task<Attempt<ITunnelPair>> open = tunnel.OpenPairAsync(8080, "data"u8.ToArray(), CancellationToken.None).AsTask();
        using UpgradeConnection connection = await _server.AcceptAsync();
        (await Peer.SwitchAsync(connection)).Should().NotBeNull();
        await connection.Stream.WriteAsync(new byte[] { 0x82, 3, 0, 0x90, 0x1f, 0x82, 3, 1, 0x90, 0x1f });
        IStreamPair pair = (await open.Soon()).Value!;
        ((IMonitoredConnection)pair).HasUnacknowledgedData.Should().BeTrue();

        // The application's data alone proves nothing.
        await connection.Stream.WriteAsync(new byte[] { 0x82, 2, 0, (byte)'x' });
        (await ReadAsync(pair, 1)).Should().Be("x");
        ((IMonitoredConnection)pair).HasUnacknowledgedData.Should().BeTrue();

        _time.Advance(TimeSpan.FromMilliseconds(100));
        await connection.Stream.WriteAsync(await ReadPingAsync(connection.Stream));
        await Waiting.UntilAsync(() => !((IMonitoredConnection)pair).HasUnacknowledgedData);
        await Waiting.UntilAsync(() => tunnel.IsWaitingForPod);
        for (int i = 0; i < 5; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
        }

        (await pair.Completion.Soon()).Kind.Should().Be(PairEndKind.TunnelLost);
        (await tunnel.Completion.Soon()).Should().Be(TunnelEnd.Lost);
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_connection_through_which_nothing_comes_back_is_kept_busy_all_the_same()
    {
        (Peer peer, _, IStreamPair pair) = await OpenAsync(8080, "data");
        using Peer owned = peer;
        (await peer.ReceiveAsync()).Should().Be("\0data");

        _time.Advance(TimeSpan.FromSeconds(5));
        _time.Advance(TimeSpan.FromSeconds(5));
        _time.Advance(TimeSpan.FromSeconds(5));

        (await peer.ReceiveAsync()).Should().BeEmpty("load balancers see it, and the kubelet skips it");
        (await peer.ReceiveAsync()).Should().BeEmpty();
        await pair.DisposeAsync();
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

        (await idlePair.Completion.Soon()).Kind.Should().Be(PairEndKind.TunnelLost);
        (await idle.Completion.Soon()).Should().Be(TunnelEnd.Lost);
        (busy.IsUnresponsive, busy.IsConnected).Should().Be((true, true));
        await busyPair.DisposeAsync();
        await idlePair.DisposeAsync();
    }

    [Fact]
    public async Task A_refused_connection_is_a_fault_with_the_servers_words()
    {
        ITunnel tunnel = await DialAsync();
        Task<Attempt<ITunnelPair>> open = tunnel.OpenPairAsync(8080, default, CancellationToken.None).AsTask();
        using UpgradeConnection connection = await _server.AcceptAsync();
        await connection.RespondAsync("HTTP/1.1 500 Internal Server Error\nContent-Length: 4\n\noops");

        (await open.Soon()).Fault!.Body.Should().Be("oops");
        tunnel.CanOpen.Should().BeFalse();
    }

    private async Task<(Peer Peer, ITunnel Tunnel, IStreamPair Pair)> OpenAsync(int port, string initialData = "", bool prove = true)
    {
        ITunnel tunnel = prove ? await DialAsync() : (await _dialer.DialAsync(CancellationToken.None).Soon()).Value!;
        Task<Attempt<ITunnelPair>> open = tunnel.OpenPairAsync(port, Encoding.ASCII.GetBytes(initialData), CancellationToken.None).AsTask();
        Peer peer = await Peer.AcceptAsync(_server, port);
        return (peer, tunnel, (await open.Soon()).Value!);
    }

    private async Task<ITunnel> DialAsync() => (await ProvedAsync()).Value!;

    private Task<Attempt<ITunnel>> ProvedAsync() => ProvedAsync(_dialer, _server);

    /// <summary>A dial whose question is answered as a kubelet answers it.</summary>
    private static async Task<Attempt<ITunnel>> ProvedAsync(ChannelTunnelDialer dialer, UpgradeServer server)
    {
        Task<Attempt<ITunnel>> dial = dialer.DialAsync(CancellationToken.None);
        using UpgradeConnection connection = await server.AcceptAsync();
        connection.RequestLine.Should().Be("GET /api/v1/namespaces/default/pods/web/portforward HTTP/1.1");
        connection.Headers["Sec-WebSocket-Protocol"].Should().Be("v4.channel.k8s.io");
        await connection.RespondAsync("HTTP/1.1 400 Bad Request\nContent-Length: 34\n\nquery parameter \"port\" is required");
        return await dial.Soon();
    }

    /// <summary>Opens a pair on a server that does something else, and hands nothing over to it.</summary>
    private async Task<TunnelFault> FailToOpenAsync(Func<UpgradeConnection, Task> serve, ITunnel? tunnel = null)
    {
        tunnel ??= await DialAsync();
        Task<Attempt<ITunnelPair>> open = tunnel.OpenPairAsync(8080, "data"u8.ToArray(), CancellationToken.None).AsTask();
        using UpgradeConnection connection = await _server.AcceptAsync();
        await serve(connection);
        return (await open.Soon()).Fault!;
    }

    /// <summary>Reads frames up to a PING, and makes the PONG for it.</summary>
    private static async Task<byte[]> ReadPingAsync(Stream stream)
    {
        byte[] head = new byte[6];
        while (true)
        {
            await stream.ReadExactlyAsync(head).Soon();
            byte[] payload = new byte[head[1] & 0x7F];
            await stream.ReadExactlyAsync(payload).Soon();
            if ((head[0] & 0xF) == 9)
            {
                return [0x8A, (byte)payload.Length, .. payload.Select((masked, i) => (byte)(masked ^ head[2 + (i % 4)]))];
            }
        }
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

        public static async Task<Peer> AcceptAsync(UpgradeServer server, int port)
        {
            Peer peer = await SwitchAsync(await server.AcceptAsync());
            await peer.OpenAsync(port);
            return peer;
        }

        public static async Task<Peer> SwitchAsync(UpgradeConnection connection) => new(connection, await connection.SwitchAsync("v4.channel.k8s.io"));

        /// <summary>Says on both channels which port was opened.</summary>
        public async Task OpenAsync(int port)
        {
            await SendPieceAsync(new byte[] { 0, (byte)port, (byte)(port >> 8) }, isLast: true);
            await SendPieceAsync(new byte[] { 1, (byte)port, (byte)(port >> 8) }, isLast: true);
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

        /// <summary>Takes everything up to the client's close.</summary>
        /// <returns>How many bytes of data it was.</returns>
        public async Task<long> ReceiveToEndAsync()
        {
            byte[] buffer = new byte[64 * 1024];
            long data = 0;
            bool isBegun = false;
            while (true)
            {
                ValueWebSocketReceiveResult received = await webSocket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None).AsTask().Soon();
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    return data;
                }

                data += received.Count - (isBegun ? 0 : 1);
                isBegun = !received.EndOfMessage;
            }
        }

        public Task CloseAsync() => webSocket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).Soon();

        public void Dispose()
        {
            webSocket.Dispose();
            connection.Dispose();
        }
    }
}
