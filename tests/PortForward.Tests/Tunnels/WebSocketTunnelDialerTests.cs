using System.Net;
using System.Net.WebSockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>The dialer against a real server on the loopback.</summary>
public sealed class WebSocketTunnelDialerTests : IDisposable
{
    private readonly UpgradeServer _server = new();
    private readonly HttpMessageInvoker _invoker = new(new SocketsHttpHandler());
    private readonly FakeTimeProvider _time = new();
    private readonly WebSocketTunnelDialer _dialer;

    public WebSocketTunnelDialerTests() => _dialer = new WebSocketTunnelDialer(_invoker, _server.Uri, new TunnelDialOptions { Time = _time });

    [Fact]
    public async Task The_request_is_the_one_that_the_protocol_asks_for()
    {
        Task<Attempt<ITunnel>> dial = _dialer.DialAsync(CancellationToken.None);

        using UpgradeConnection connection = await _server.AcceptAsync();
        using WebSocket webSocket = await connection.SwitchAsync();

        connection.RequestLine.Should().Be("GET /api/v1/namespaces/default/pods/web/portforward HTTP/1.1");
        connection.Headers.Should().Contain("Connection", "Upgrade").And.Contain("Upgrade", "websocket")
            .And.Contain("Sec-WebSocket-Version", "13").And.Contain("Sec-WebSocket-Protocol", "SPDY/3.1+portforward.k8s.io");
        Convert.FromBase64String(connection.Headers["Sec-WebSocket-Key"]).Should().HaveCount(16);
        await using ITunnel tunnel = (await dial.Soon()).Value!;
        tunnel.CanOpen.Should().BeTrue();
    }

    [Fact]
    public async Task Every_upgrade_has_a_key_of_its_own()
    {
        var keys = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < 3; i++)
        {
            Task<Attempt<ITunnel>> dial = _dialer.DialAsync(CancellationToken.None);
            using UpgradeConnection connection = await _server.AcceptAsync();
            keys.Add(connection.Headers["Sec-WebSocket-Key"]);
            await connection.RespondAsync("HTTP/1.1 404 Not Found\nContent-Length: 0\nConnection: close\n\n");
            await dial.Soon();
        }

        keys.Should().HaveCount(3);
    }

    [Fact]
    public async Task A_connection_is_carried_both_ways_whatever_the_messages()
    {
        (UpgradeConnection connection, WebSocket webSocket, ITunnel tunnel) = await DialAsync();
        using UpgradeConnection ownedConnection = connection;
        using WebSocket ownedWebSocket = webSocket;
        await using ITunnel ownedTunnel = tunnel;
        IStreamPair pair = (await tunnel.OpenPairAsync(80, "ping"u8.ToArray(), CancellationToken.None).Soon()).Value!;

        byte[] message = new byte[1000];
        ValueWebSocketReceiveResult received = await webSocket.ReceiveAsync(message.AsMemory(), CancellationToken.None).Soon();
        (received.MessageType, received.EndOfMessage).Should().Be((WebSocketMessageType.Binary, true), "both streams and the initial data are one message");
        Encoding.ASCII.GetString(message, received.Count - 4, 4).Should().Be("ping");

        byte[] answer = [.. SpdyPeer.SynReply(3), .. SpdyPeer.SynReply(5), .. SpdyPeer.Data(5, "pong", fin: true), .. SpdyPeer.Fin(3)];
        foreach (byte[] piece in answer.Chunk(5))
        {
            await webSocket.SendAsync(piece, WebSocketMessageType.Binary, endOfMessage: piece[0] % 2 == 0, CancellationToken.None).Soon();
            await webSocket.SendAsync(ReadOnlyMemory<byte>.Empty, WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None).Soon();
        }

        (await pair.Input.ReadTextToEndAsync()).Should().Be("pong");
        (await pair.Completion.Soon()).Kind.Should().Be(PairEndKind.Completed);
    }

    [Fact]
    public async Task A_close_with_status_1000_is_a_graceful_end()
    {
        (await FaultAfterAsync(webSocket => webSocket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None))).Should().BeNull();
    }

    [Fact]
    public async Task A_close_with_another_status_is_a_fault_in_the_servers_words()
    {
        (await FaultAfterAsync(webSocket => webSocket.CloseOutputAsync(WebSocketCloseStatus.InternalServerError, "the kubelet went away", CancellationToken.None)))
            .Should().Be("the server closed the WebSocket with status 1011 the kubelet went away");
    }

    [Fact]
    public async Task A_close_with_another_status_and_no_words_names_the_status()
    {
        (await FaultAfterAsync(webSocket => webSocket.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, null, CancellationToken.None)))
            .Should().Be("the server closed the WebSocket with status 1001");
    }

    [Fact]
    public async Task A_text_message_is_a_fault()
    {
        (await FaultAfterAsync(webSocket => webSocket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None)))
            .Should().Contain("text message");
    }

    [Fact]
    public async Task A_connection_that_ends_without_close_is_a_fault()
    {
        (await FaultAfterAsync((connection, _) => connection.Dispose())).Should().Be("the connection was cut without a WebSocket close");
    }

    [Fact]
    public async Task A_connection_that_is_reset_is_a_fault()
    {
        (await FaultAfterAsync((connection, _) => connection.Cut())).Should().NotBeNullOrEmpty();
    }

    [Fact]
    public async Task A_frame_that_is_no_WebSocket_frame_is_a_fault()
    {
        (await FaultAfterAsync((connection, _) => connection.RespondAsync("HTTP/1.1 502 Bad Gateway\n\n"))).Should().NotBeNullOrEmpty();
    }

    [Fact]
    public async Task Disposing_a_tunnel_says_goodbye_and_closes_the_connection()
    {
        (UpgradeConnection connection, WebSocket webSocket, ITunnel tunnel) = await DialAsync();
        using UpgradeConnection ownedConnection = connection;
        using WebSocket ownedWebSocket = webSocket;

        await tunnel.DisposeAsync().Soon();

        ValueWebSocketReceiveResult received = await webSocket.ReceiveAsync(new byte[10].AsMemory(), CancellationToken.None).Soon();
        received.MessageType.Should().Be(WebSocketMessageType.Close);
        webSocket.CloseStatus.Should().Be(WebSocketCloseStatus.NormalClosure);
        (await connection.IsClosedAsync()).Should().BeTrue();
        await tunnel.Completion.Soon();
    }

    [Fact]
    public async Task Disposing_a_tunnel_that_a_server_does_not_read_wakes_whoever_writes()
    {
        (UpgradeConnection connection, WebSocket webSocket, ITunnel tunnel) = await DialAsync();
        using UpgradeConnection ownedConnection = connection;
        using WebSocket ownedWebSocket = webSocket;
        IStreamPair pair = (await tunnel.OpenPairAsync(80, default, CancellationToken.None).Soon()).Value!;
        Task<bool> write = pair.WriteAsync(new byte[64 * 1024 * 1024], CancellationToken.None).AsTask();
        Task<Attempt<ITunnelPair>> open = tunnel.OpenPairAsync(80, default, CancellationToken.None).AsTask();
        write.IsCompleted.Should().BeFalse();

        await tunnel.DisposeAsync().Soon();

        (await write.Soon()).Should().BeFalse();
        IStreamPair? other = (await open.Soon()).Value;
        other?.Completion.IsCompleted.Should().BeTrue();
        (await pair.Completion.Soon()).Kind.Should().Be(PairEndKind.TunnelLost);
    }

    [Theory]
    [InlineData("Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nSec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\n", "*wrong Sec-WebSocket-Accept*")]
    [InlineData("Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\n", "*wrong Sec-WebSocket-Accept*")]
    [InlineData("Sec-WebSocket-Accept: {accept}\n", "*subprotocol \"\" instead of*")]
    [InlineData("Sec-WebSocket-Accept: {accept}\nSec-WebSocket-Protocol: v4.channel.k8s.io\n", "*subprotocol \"v4.channel.k8s.io\" instead of*")]
    [InlineData("Sec-WebSocket-Accept: {accept}\nSec-WebSocket-Protocol: spdy/3.1+PORTFORWARD.k8s.io\n", "*subprotocol \"spdy/3.1+PORTFORWARD.k8s.io\" instead of*")]
    public async Task A_101_of_somebody_who_does_not_speak_the_protocol_is_refused_and_closed(string headers, string message)
    {
        Task<Attempt<ITunnel>> dial = _dialer.DialAsync(CancellationToken.None);
        using UpgradeConnection connection = await _server.AcceptAsync();

        await connection.RespondAsync("HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n"
            + headers.Replace("{accept}", UpgradeConnection.Accept(connection.Headers["Sec-WebSocket-Key"])) + "\n");

        TunnelFault fault = (await dial.Soon()).Fault!;
        fault.Kind.Should().Be(TunnelFaultKind.BadUpgrade);
        fault.Message.Should().Match(message);
        (await connection.IsClosedAsync()).Should().BeTrue();
    }

    [Fact]
    public async Task A_refusal_comes_with_everything_that_the_server_said()
    {
        Task<Attempt<ITunnel>> dial = _dialer.DialAsync(CancellationToken.None);
        using UpgradeConnection connection = await _server.AcceptAsync();

        await connection.RespondAsync("HTTP/1.1 429 Too Many Requests\nRetry-After: 7\nContent-Length: 9\n\nslow down");

        TunnelFault fault = (await dial.Soon()).Fault!;
        (fault.Kind, fault.StatusCode, fault.ReasonPhrase, fault.Body, fault.RetryAfter).Should().Be(
            (TunnelFaultKind.Refused, HttpStatusCode.TooManyRequests, "Too Many Requests", "slow down", TimeSpan.FromSeconds(7)));
    }

    [Fact]
    public async Task A_server_that_hangs_up_instead_of_answering_may_want_another_transport()
    {
        Task<Attempt<ITunnel>> dial = _dialer.DialAsync(CancellationToken.None);
        while (await _server.AcceptAsync(unless: dial) is { } connection)
        {
            connection.Dispose(); // The handler tries again some times.
        }

        TunnelFault fault = (await dial.Soon()).Fault!;
        fault.Kind.Should().Be(TunnelFaultKind.BadUpgrade);
        fault.Cause.Should().NotBeNull("it may be a server that is being restarted");
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_unreachable()
    {
        _server.Dispose();

        (await _dialer.DialAsync(CancellationToken.None).Soon()).Fault!.Kind.Should().Be(TunnelFaultKind.Unreachable);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_times_out()
    {
        Task<Attempt<ITunnel>> dial = _dialer.DialAsync(CancellationToken.None);
        using UpgradeConnection connection = await _server.AcceptAsync();

        _time.Advance(TimeSpan.FromSeconds(30));

        (await dial.Soon()).Fault!.Kind.Should().Be(TunnelFaultKind.TimedOut);
        (await connection.IsClosedAsync()).Should().BeTrue();
    }

    [Fact]
    public async Task The_caller_can_cancel()
    {
        using var cancel = new CancellationTokenSource();
        Task<Attempt<ITunnel>> dial = _dialer.DialAsync(cancel.Token);
        using UpgradeConnection connection = await _server.AcceptAsync();

        await cancel.CancelAsync();

        await dial.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        (await connection.IsClosedAsync()).Should().BeTrue();
    }

    public void Dispose()
    {
        _invoker.Dispose();
        _server.Dispose();
    }

    private async Task<(UpgradeConnection Connection, WebSocket WebSocket, ITunnel Tunnel)> DialAsync()
    {
        Task<Attempt<ITunnel>> dial = _dialer.DialAsync(CancellationToken.None);
        UpgradeConnection connection = await _server.AcceptAsync();
        WebSocket webSocket = await connection.SwitchAsync();
        (await dial.Soon()).Succeeded(out ITunnel? tunnel, out _).Should().BeTrue();
        return (connection, webSocket, tunnel!);
    }

    private Task<string?> FaultAfterAsync(Func<WebSocket, Task> end) => FaultAfterAsync((_, webSocket) => end(webSocket));

    private Task<string?> FaultAfterAsync(Action<UpgradeConnection, WebSocket> end) => FaultAfterAsync((connection, webSocket) =>
    {
        end(connection, webSocket);
        return Task.CompletedTask;
    });

    /// <summary>Opens a pair, lets the server end the connection, and returns why the session ended.</summary>
    private async Task<string?> FaultAfterAsync(Func<UpgradeConnection, WebSocket, Task> end)
    {
        (UpgradeConnection connection, WebSocket webSocket, ITunnel tunnel) = await DialAsync();
        using UpgradeConnection ownedConnection = connection;
        using WebSocket ownedWebSocket = webSocket;
        await using ITunnel ownedTunnel = tunnel;
        IStreamPair pair = (await tunnel.OpenPairAsync(80, default, CancellationToken.None).Soon()).Value!;
        await webSocket.ReceiveAsync(new byte[1000].AsMemory(), CancellationToken.None).Soon();

        await end(connection, webSocket).Soon();

        await tunnel.Completion.Soon();
        tunnel.CanOpen.Should().BeFalse();
        (await pair.Completion.Soon()).Kind.Should().Be(PairEndKind.TunnelLost);
        return SpdyTunnelInsides.SessionOf((SpdyTunnel)tunnel).Fault?.Message;
    }
}
