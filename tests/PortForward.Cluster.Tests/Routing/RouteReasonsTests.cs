using System.Net;
using PortForward.Cluster.Routing;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Routing;

public sealed class RouteReasonsTests
{
    private const string Gone = """{"kind":"Status","status":"Failure","reason":"NotFound","details":{"name":"web-1","kind":"pods"},"code":404}""";

    private const string DeadNode = """{"kind":"Status","status":"Failure","reason":"InternalError","message":"error dialing backend: no route to host","code":500}""";

    [Theory]
    [InlineData(null, null, LossCause.ServerUnreachable)]
    [InlineData(TunnelFaultKind.Unreachable, null, LossCause.ServerUnreachable)]
    [InlineData(TunnelFaultKind.TimedOut, null, LossCause.ServerUnreachable)]
    [InlineData(TunnelFaultKind.Lost, null, LossCause.ServerUnreachable)]
    [InlineData(TunnelFaultKind.BadUpgrade, null, LossCause.ServerUnreachable)]
    [InlineData(TunnelFaultKind.Refused, HttpStatusCode.BadGateway, LossCause.ServerUnreachable)]
    [InlineData(TunnelFaultKind.Refused, HttpStatusCode.NotFound, LossCause.ServerUnreachable)]
    [InlineData(TunnelFaultKind.Refused, HttpStatusCode.InternalServerError, LossCause.PodUnreachable, DeadNode)]
    [InlineData(TunnelFaultKind.Refused, HttpStatusCode.NotFound, LossCause.PodGone, Gone)]
    public void What_was_lost_follows_from_why_no_tunnel_could_be_had(TunnelFaultKind? kind, HttpStatusCode? status, LossCause cause, string? body = null) =>
        RouteReasons.CauseOf("web-1", kind is { } known ? new TunnelFault(known, "") { StatusCode = status, Body = body } : null).Should().Be(cause);
}
