using System.Net;
using PortForward.Cluster.Api;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Api;

public sealed class UpgradeRefusalTests
{
    private const string WithoutGet = """pods \"solo\" is forbidden: User \"eve\" cannot get resource \"pods/portforward\" in the namespace \"default\": denied""";

    [Theory]
    [InlineData(404, "NotFound", """pods \"solo\" not found""", """{"name":"solo","kind":"pods"}""", nameof(RefusalMeaning.PodIsGone))]
    [InlineData(404, "NotFound", """pods \"other\" not found""", """{"name":"other","kind":"pods"}""", nameof(RefusalMeaning.Explained))]
    [InlineData(404, "NotFound", "the server could not find the requested resource", "{}", nameof(RefusalMeaning.Explained))]
    [InlineData(403, "Forbidden", WithoutGet, """{"name":"solo","kind":"pods"}""", nameof(RefusalMeaning.MissingRight))]
    [InlineData(403, "Forbidden", """pods \"solo\" is forbidden: """, """{"name":"solo","kind":"pods"}""", nameof(RefusalMeaning.MissingRight))]
    [InlineData(403, "Forbidden", """admission webhook \"policy\" denied the request: not on Fridays""", "{}", nameof(RefusalMeaning.Explained))]
    [InlineData(401, "Unauthorized", "Unauthorized", "{}", nameof(RefusalMeaning.Explained))]
    [InlineData(500, "InternalError", "error dialing backend: no route to host", "{}", nameof(RefusalMeaning.Explained))]
    public void What_the_API_server_says_is_read(int code, string reason, string message, string details, string meaning)
    {
        RefusalMeaning expected = Enum.Parse<RefusalMeaning>(meaning);
        TunnelFault fault = Refused(code, $$"""{"kind":"Status","message":"{{message}}","reason":"{{reason}}","details":{{details}},"code":{{code}}}""");

        UpgradeRefusal.Read(fault, "solo").Should().Be(expected);
        UpgradeRefusal.SaysPodIsGone(fault, "solo").Should().Be(expected == RefusalMeaning.PodIsGone);
        (UpgradeRefusal.Advise(fault) is not null).Should().Be(expected == RefusalMeaning.MissingRight);
    }

    [Theory]
    [InlineData(400, "query parameter \"port\" is required", nameof(RefusalMeaning.NotOffered))]
    [InlineData(400, "Bad Request", nameof(RefusalMeaning.Unknown))]
    [InlineData(404, "404 page not found", nameof(RefusalMeaning.Unknown))]
    [InlineData(404, "", nameof(RefusalMeaning.Unknown))]
    [InlineData(403, "<html>Access denied</html>", nameof(RefusalMeaning.Unknown))]
    [InlineData(502, "Bad Gateway", nameof(RefusalMeaning.Unknown))]
    public void Anybody_else_says_nothing_about_the_pod_or_the_user(int code, string body, string meaning) =>
        UpgradeRefusal.Read(Refused(code, body), "solo").Should().Be(Enum.Parse<RefusalMeaning>(meaning));

    [Fact]
    public void No_answer_says_nothing() =>
        UpgradeRefusal.Read(new TunnelFault(TunnelFaultKind.Unreachable, "no route"), "solo").Should().Be(RefusalMeaning.Unknown);

    private static TunnelFault Refused(int code, string body) => new(TunnelFaultKind.Refused, $"{code}") { StatusCode = (HttpStatusCode)code, Body = body };
}
