using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>Dials of WebSocket channels, and servers that open something else than what they were asked for.</summary>
public sealed class ChannelTunnelDialerTests : ChannelTunnelTestBase
{
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
    public async Task A_connection_that_opens_one_channel_only_is_a_bad_upgrade()
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
        ITunnel idle = await DialAsync();
        ITunnel tunnel = (await _dialer.DialAsync(CancellationToken.None).Soon()).Value!;
        TunnelFault fault = await FailToOpenAsync(async connection => await connection.SwitchAsync(subprotocol: null), tunnel);

        fault.Kind.Should().Be(TunnelFaultKind.BadUpgrade);
        (await _dialer.DialAsync(CancellationToken.None).Soon()).Fault.Should().Be(fault, "asked without a port the server would say that all is well");
        idle.CanOpen.Should().BeFalse();

        _time.Advance(TimeSpan.FromSeconds(5));
        (await DialAsync()).CanOpen.Should().BeTrue("by now it may have changed");
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

    /// <summary>Opens a pair on a server that does something else, and hands nothing over to it.</summary>
    private async Task<TunnelFault> FailToOpenAsync(Func<UpgradeConnection, Task> serve, ITunnel? tunnel = null)
    {
        tunnel ??= await DialAsync();
        Task<Attempt<ITunnelPair>> open = tunnel.OpenPairAsync(8080, "data"u8.ToArray(), CancellationToken.None).AsTask();
        using UpgradeConnection connection = await _server.AcceptAsync();
        await serve(connection);
        return (await open.Soon()).Fault!;
    }
}
