using System.Net;
using System.Net.Sockets;
using PortForward.Cluster.Routing;
using PortForward.Cluster.Tests.Routing;
using PortForward.Forwarding;
using PortForward.Testing;
using PortForward.Testing.PortForwarding;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>Nothing gets through: each reason is told, nobody is asked without end, and a gateway that is mended is noticed.</summary>
public sealed class NoTransportTests : IAsyncLifetime
{
    private static readonly TunnelDialOptions Hasty = new() { ProofTimeout = TimeSpan.FromSeconds(2), LivenessTimeout = TimeSpan.FromSeconds(3) };

    private TestCluster _cluster = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _cluster.Pods.Add(Scene.Pod(isFull: false));
    }

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task Of_three_refusals_the_first_is_told()
    {
        Spoil(Gatekeeper.NoSuchMethod, Gatekeeper.WrongProtocol, Gatekeeper.WantsUpgrade);

        TunnelFault fault = await FailAsync();

        (fault.Kind, fault.FailedTransport, fault.Message).Should().Be(
            (TunnelFaultKind.BadUpgrade, KubeconfigForward.WebSocket, "the server answered the upgrade with 405 Method Not Allowed"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_missing_right_is_told_in_the_servers_words_with_the_verb_that_every_version_needs(bool needsBoth)
    {
        _cluster.Transports.WebSocketNeedsCreate = needsBoth;
        _cluster.Access.Deny("admin", "create", "pods/portforward");
        if (!needsBoth)
        {
            _cluster.Access.Deny("admin", "get", "pods/portforward");
        }

        TunnelFault fault = await FailAsync();

        (fault.Kind, fault.StatusCode, fault.FailedTransport).Should().Be((TunnelFaultKind.Refused, HttpStatusCode.Forbidden, null));
        fault.Body.Should().Contain("cannot create resource");
    }

    [Fact]
    public async Task Server_errors_of_all_transports_remain_a_refusal()
    {
        Spoil(Gatekeeper.BadGateway, Gatekeeper.ServerError, Gatekeeper.Unavailable);

        TunnelFault fault = await FailAsync();

        (fault.Kind, fault.StatusCode, fault.FailedTransport).Should().Be((TunnelFaultKind.Refused, HttpStatusCode.BadGateway, KubeconfigForward.WebSocket));
    }

    [Theory]
    [InlineData(Gatekeeper.WrongProtocol, "channel: the server switched to the WebSocket subprotocol \"another.protocol\"")]
    [InlineData(Gatekeeper.WrongAccept, "channel: the server switched protocols with a wrong Sec-WebSocket-Accept")]
    [InlineData(Gatekeeper.Closes, "channel: the server switched protocols, but opened no connection")]
    [InlineData(Gatekeeper.Silent, "channel: the server switched protocols, but said nothing on the channels within 2 s")]
    [InlineData(Gatekeeper.DropsMessages, "channel: the server switched protocols, but said nothing on the channels within 2 s")]
    public async Task A_connection_waits_while_nothing_gets_through_and_is_served_by_a_gateway_that_is_mended(string gatekeeper, string reason)
    {
        // Channels are asked without a port, and a gateway spoils only what is switched: so it takes a connection to find out.
        Spoil(Gatekeeper.NotAllowed, Gatekeeper.NotAllowed, gatekeeper);
        await using RoutedForward forward = await KubeconfigForward.StartAsync(FallbackTests.KubeconfigOf(_cluster), KubeconfigForward.Auto, [RoutedForward.Echo], Hasty);

        using Socket waiting = await forward.ConnectAsync();
        (await forward.EventAsync<PodLost>()).Reason.Should().StartWith($"cannot be reached: no transport works: {reason}");
        _cluster.Requests.Count(request => request.IsPortForward).Should().BeLessThan(30, "nobody asks again and again for what does not work");
        _cluster.Transports.Channels = TransportAnswer.Serve;

        await RoutedForward.EchoAsync(waiting, "not a byte of it was lost");
    }

    private void Spoil(string webSocketTunnel, string spdy, string channels)
    {
        _cluster.Transports.WebSocketTunnel = Gatekeeper.Answer(webSocketTunnel);
        _cluster.Transports.Spdy = Gatekeeper.Answer(spdy);
        _cluster.Transports.Channels = Gatekeeper.Answer(channels);
    }

    private async Task<TunnelFault> FailAsync()
    {
        Func<Task> start = () => KubeconfigForward.StartAsync(FallbackTests.KubeconfigOf(_cluster), KubeconfigForward.Auto, [RoutedForward.Echo]);
        return (await start.Should().ThrowAsync<PortForwardException>()).Which.Fault!;
    }
}
