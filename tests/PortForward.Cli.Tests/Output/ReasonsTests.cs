using System.Net;
using System.Net.Sockets;
using PortForward.Cli.Output;
using PortForward.Cluster;
using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cli.Tests.Output;

/// <summary>Programs compare these words: none may change with a name in the code.</summary>
public sealed class ReasonsTests
{
    [Fact]
    public void Connections_end_for_these_reasons()
    {
        Enum.GetValues<ConnectionEndKind>().Select(kind => Reasons.Of(new ConnectionEnd(kind))).Should().Equal(
            "completed", "client-gone", "pod-failed", "pod-reset", "no-verdict", "tunnel-lost", "unanswered", "no-tunnel", "stopped");
    }

    [Theory]
    [InlineData("connection refused", "application-refused")]
    [InlineData("connection reset by peer", "connection-died")]
    [InlineData("failed to find sandbox", "sandbox-gone")]
    [InlineData("socat not found", "socat-missing")]
    [InlineData("something else", "pod-failed")]
    public void What_the_pod_says_is_a_reason_where_it_is_understood(string message, string reason)
    {
        Reasons.Of(new ConnectionEnd(ConnectionEndKind.PodFailed) { PodMessage = message }).Should().Be(reason);
    }

    [Fact]
    public void Tunnels_cannot_be_had_for_these_reasons()
    {
        Enum.GetValues<TunnelFaultKind>().Select(kind => Reasons.Of(new TunnelFault(kind, ""))).Should().Equal(
            "refused", "bad-upgrade", "unreachable", "timed-out", "lost", "no-other-pod", "no-pod");
        Reasons.Of(new ConnectionEnd(ConnectionEndKind.NoTunnel) { Fault = new TunnelFault(TunnelFaultKind.NoPod, "") }).Should().Be("no-pod");
    }

    [Theory]
    [InlineData(null, "cluster")]
    [InlineData(HttpStatusCode.Unauthorized, "unauthorized")]
    [InlineData(HttpStatusCode.Forbidden, "forbidden")]
    [InlineData(HttpStatusCode.NotFound, "not-found")]
    [InlineData(HttpStatusCode.TooManyRequests, "too-many-requests")]
    [InlineData(HttpStatusCode.BadGateway, "server-error")]
    [InlineData(HttpStatusCode.BadRequest, "refused")]
    public void The_server_refuses_for_these(HttpStatusCode? status, string reason)
    {
        Reasons.Of(new ClusterException("") { StatusCode = status }).Should().Be(reason);
    }

    [Theory]
    [InlineData(SocketError.AddressAlreadyInUse, "address-in-use")]
    [InlineData(SocketError.AccessDenied, "permission-denied")]
    [InlineData(SocketError.AddressNotAvailable, "no-such-address")]
    [InlineData(SocketError.NoBufferSpaceAvailable, "listen-failed")]
    public void A_port_cannot_be_had_for_these(SocketError error, string reason)
    {
        Reasons.Of(new ListenFailure(error)).Should().Be(reason);
    }
}
