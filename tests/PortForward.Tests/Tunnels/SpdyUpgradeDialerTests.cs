using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>The dialer against a real server on the loopback.</summary>
public sealed class SpdyUpgradeDialerTests : IDisposable
{
    private readonly UpgradeServer _server = new();
    private readonly HttpMessageInvoker _invoker = new(new SocketsHttpHandler());
    private readonly SpdyUpgradeDialer _dialer;

    public SpdyUpgradeDialerTests() => _dialer = new SpdyUpgradeDialer(_invoker, _server.Uri);

    [Fact]
    public async Task The_request_is_the_one_that_the_protocol_asks_for_and_the_answer_carries_a_connection()
    {
        Task<Attempt<ITunnel>> dial = _dialer.DialAsync(CancellationToken.None);
        using UpgradeConnection connection = await _server.AcceptAsync();

        connection.RequestLine.Should().Be("POST /api/v1/namespaces/default/pods/web/portforward HTTP/1.1");
        connection.Headers.Should().Contain("Connection", "Upgrade").And.Contain("Upgrade", "SPDY/3.1")
            .And.Contain("X-Stream-Protocol-Version", "portforward.k8s.io");

        await connection.RespondAsync("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: SPDY/3.1\nX-Stream-Protocol-Version: portforward.k8s.io\n\n");
        await using ITunnel tunnel = (await dial.Soon()).Value!;
        await using IStreamPair pair = (await tunnel.OpenPairAsync(80, "ping"u8.ToArray(), CancellationToken.None).Soon()).Value!;
        byte[] answer = [.. SpdyPeer.SynReply(3), .. SpdyPeer.SynReply(5), .. SpdyPeer.Data(5, "pong", fin: true), .. SpdyPeer.Fin(3)];
        await connection.Stream.WriteAsync(answer);

        (await pair.Input.ReadTextToEndAsync()).Should().Be("pong");
        (await pair.Completion.Soon()).Kind.Should().Be(PairEndKind.Completed);
    }

    [Theory]
    [InlineData("Upgrade: SPDY/3.1", "*stream protocol*\"\"*portforward.k8s.io*")]
    [InlineData("Upgrade: SPDY/3.1\nX-Stream-Protocol-Version: v2", "*stream protocol*\"v2\"*")]
    [InlineData("Upgrade: websocket\nX-Stream-Protocol-Version: portforward.k8s.io", "*\"websocket\"*SPDY/3.1*")]
    [InlineData("X-Stream-Protocol-Version: portforward.k8s.io", "*switched to \"\"*")]
    public async Task A_switch_to_something_else_is_refused_with_what_it_was(string headers, string expected)
    {
        Task<Attempt<ITunnel>> dial = _dialer.DialAsync(CancellationToken.None);
        using UpgradeConnection connection = await _server.AcceptAsync();
        await connection.RespondAsync($"HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\n{headers}\n\n");

        TunnelFault fault = (await dial.Soon()).Fault!;

        fault.Kind.Should().Be(TunnelFaultKind.BadUpgrade);
        fault.Message.Should().Match(expected);
        (await connection.IsClosedAsync()).Should().BeTrue();
    }

    public void Dispose()
    {
        _invoker.Dispose();
        _server.Dispose();
    }
}
