using System.Net;
using PortForward.Cluster.Routing;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Routing;

public sealed class RouteReasonsTests
{
    [Theory]
    [InlineData(null, null, LossCause.ServerUnreachable)]
    [InlineData(TunnelFaultKind.Unreachable, null, LossCause.ServerUnreachable)]
    [InlineData(TunnelFaultKind.TimedOut, null, LossCause.ServerUnreachable)]
    [InlineData(TunnelFaultKind.Lost, null, LossCause.ServerUnreachable)]
    [InlineData(TunnelFaultKind.BadUpgrade, null, LossCause.ServerUnreachable)]
    [InlineData(TunnelFaultKind.Refused, HttpStatusCode.ServiceUnavailable, LossCause.PodUnreachable)]
    [InlineData(TunnelFaultKind.Refused, HttpStatusCode.NotFound, LossCause.PodGone)]
    public void What_was_lost_follows_from_why_no_tunnel_could_be_had(TunnelFaultKind? kind, HttpStatusCode? status, LossCause cause) =>
        RouteReasons.CauseOf(kind is { } known ? new TunnelFault(known, "") { StatusCode = status } : null).Should().Be(cause);
}
