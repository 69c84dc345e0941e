using System.Net;
using PortForward.Cluster.Api;

namespace PortForward.Cluster.Tests.Api;

public sealed class ApiStatusTests
{
    // The expected lines are what kubectl 1.33 prints for the same answers; where more follows a colon, kubectl leaves the body out.
    [Theory]
    [InlineData(404, """{"kind":"Status","message":"pods \"x\" not found","reason":"NotFound","code":404}""", "Error from server (NotFound): pods \"x\" not found")]
    [InlineData(403, """{"kind":"Status","message":"pods \"x\" is forbidden: User \"u\" cannot get resource \"pods\"","reason":"Forbidden","code":403}""", "Error from server (Forbidden): pods \"x\" is forbidden: User \"u\" cannot get resource \"pods\"")]
    [InlineData(401, """{"kind":"Status","message":"Unauthorized","reason":"Unauthorized","code":401}""", "error: You must be logged in to the server (Unauthorized)")]
    [InlineData(500, """{"kind":"Status","message":"boom","code":500}""", "Error from server: boom")]
    [InlineData(401, "Unauthorized\n", "error: You must be logged in to the server (the server has asked for the client to provide credentials (get pods x))")]
    [InlineData(502, "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1>\r\n<hr>nginx</body></html>", "Error from server (InternalError): an error on the server (\"502 Bad Gateway nginx\") has prevented the request from succeeding (get pods x)")]
    [InlineData(403, "<!DOCTYPE html><style>p { color: red }</style><p>Access denied</p>", "Error from server (Forbidden): Access denied (get pods x)")]
    [InlineData(404, "", "Error from server (NotFound): the server could not find the requested resource (get pods x)")]
    [InlineData(400, "query parameter \"port\" is required", "Error from server (BadRequest): the server rejected our request for an unknown reason (get pods x): query parameter \"port\" is required")]
    [InlineData(405, "", "Error from server (MethodNotAllowed): the server does not allow this method on the requested resource (get pods x)")]
    [InlineData(429, "", "Error from server (TooManyRequests): the server has received too many requests and has asked us to try again later (get pods x)")]
    [InlineData(503, "upstream connect error\n", "Error from server (ServiceUnavailable): the server is currently unable to handle the request (get pods x): upstream connect error")]
    [InlineData(504, "", "Error from server (Timeout): the server was unable to return a response in the time allotted, but may still be processing the request (get pods x)")]
    [InlineData(302, "", "Error from server: the server responded with the status code 302 Teapot but did not return more information (get pods x)")]
    [InlineData(418, "short and stout", "Error from server: the server responded with the status code 418 Teapot (get pods x): short and stout")]
    [InlineData(500, "{\"kind\":\"Sta", "Error from server (InternalError): an error on the server (\"{\"kind\":\"Sta\") has prevented the request from succeeding (get pods x)")]
    [InlineData(500, "[1]", "Error from server (InternalError): an error on the server (\"[1]\") has prevented the request from succeeding (get pods x)")]
    [InlineData(500, "{\"kind\":\"Status\",\"code\":\"x\",\"details\":[]}", "Error from server: the server responded with the status code 500 but did not return more information")]
    public void An_answer_is_told_in_one_line_in_kubectls_words(int code, string body, string line)
    {
        ApiStatus status = ApiStatus.Read((HttpStatusCode)code, "Teapot", body, "get pods x");

        status.Line.Should().Be(line);
        ClusterException exception = status.ToException();
        exception.Message.Should().Be(line);
        exception.IsVerbatim.Should().BeTrue();
        exception.StatusCode.Should().Be((HttpStatusCode)code);
    }

    [Fact]
    public void A_refused_upgrade_is_described_without_a_request() =>
        ApiStatus.Describe(HttpStatusCode.NotFound, "Not Found", "").Should().Be("Error from server (NotFound): the server could not find the requested resource");

    [Fact]
    public void An_upgrade_that_was_lost_on_the_way_is_told_with_what_to_do() =>
        ApiStatus.Describe(HttpStatusCode.BadRequest, "Bad Request", """{"kind":"Status","message":"Upgrade request required","reason":"BadRequest","code":400}""").Should().Be(
            "Error from server (BadRequest): Upgrade request required: something before the API server took the Upgrade header out of the request; "
            + "let that proxy or load balancer pass Upgrade and Connection on");

    [Fact]
    public void A_refusal_without_a_reason_does_not_end_in_a_colon() =>
        ApiStatus.Describe(HttpStatusCode.Forbidden, "Forbidden", """{"kind":"Status","message":"pods \"solo\" is forbidden: ","reason":"Forbidden","code":403}""").Should().Be(
            "Error from server (Forbidden): pods \"solo\" is forbidden");

    [Theory]
    [InlineData(404, "NotFound", """{"name":"x","kind":"pods"}""", true)]
    [InlineData(404, "NotFound", """{"name":"x","group":"","kind":"pods"}""", true)]
    [InlineData(404, "NotFound", """{"name":"y","kind":"pods"}""", false)]
    [InlineData(404, "NotFound", """{"name":"x","kind":"services"}""", false)]
    [InlineData(404, "NotFound", """{"name":"x","group":"metrics.k8s.io","kind":"pods"}""", false)]
    [InlineData(404, "NotFound", """{"name":"c-1","group":"management.cattle.io","kind":"clusters"}""", false)]
    [InlineData(404, "NotFound", "{}", false)]
    [InlineData(404, "NotFound", "null", false)]
    [InlineData(404, "Expired", """{"name":"x","kind":"pods"}""", false)]
    [InlineData(410, "NotFound", """{"name":"x","kind":"pods"}""", false)]
    public void Only_a_status_about_that_very_object_says_that_it_is_missing(int code, string reason, string details, bool expected)
    {
        string body = $$"""{"kind":"Status","message":"not found","reason":"{{reason}}","details":{{details}},"code":{{code}}}""";

        ApiStatus.Read((HttpStatusCode)code, null, body).ToException(new ApiSubject("", "pods", "x")).IsObjectMissing.Should().Be(expected);
        ApiStatus.Read((HttpStatusCode)code, null, body).ToException().IsObjectMissing.Should().BeFalse("nothing was asked for by name");
    }

    [Theory]
    [InlineData("")]
    [InlineData("404 page not found")]
    [InlineData("<html><body>default backend - 404</body></html>")]
    [InlineData("""{"message":"no Route matched with those values"}""")]
    public void A_gateway_never_says_so(string body) =>
        ApiStatus.Read(HttpStatusCode.NotFound, "Not Found", body).ToException(new ApiSubject("", "pods", "x")).IsObjectMissing.Should().BeFalse();

    [Fact]
    public void Terminal_escapes_and_line_breaks_never_reach_the_line()
    {
        string line = ApiStatus.Describe(HttpStatusCode.Forbidden, null, """{"kind":"Status","message":"no\u001b[31m\nway\u202e","reason":"For\u0007bidden","code":403}""");

        line.Should().Be("Error from server (For bidden): no [31m way");
    }

    [Fact]
    public void A_long_body_is_cut() =>
        ApiStatus.Read(HttpStatusCode.Forbidden, null, new string('x', 100_000)).Message.Should().HaveLength(300).And.EndWith("…");

    [Theory]
    [InlineData(7, 7)]
    [InlineData(0, null)]
    [InlineData(-1, null)]
    public void The_wait_the_server_asks_for_is_read(int seconds, int? expected)
    {
        ApiStatus status = ApiStatus.Read(HttpStatusCode.TooManyRequests, null, $$$"""{"kind":"Status","message":"slow","code":429,"details":{"retryAfterSeconds":{{{seconds}}}}}""");

        status.RetryAfter.Should().Be(expected is null ? null : TimeSpan.FromSeconds(expected.Value));
    }

    [Theory]
    [InlineData("""{"kind":"Status","message":"\ud800","reason":"Forbidden","code":403}""")]
    [InlineData("""{"kind":"Status","message":5,"reason":"\udfff","details":{"name":"\ud800","kind":"pods"},"code":403}""")]
    [InlineData("""{"\ud800":1,"kind":"Status"}""")]
    [InlineData("""{"kind":"\ud800"}""")]
    [InlineData("""{"kind":"Status","details":[],"code":"x"}""")]
    public void A_status_that_is_no_text_is_an_answer_like_any_other(string body)
    {
        var status = ApiStatus.Read(HttpStatusCode.Forbidden, "Forbidden", body, "get pods web");

        status.Code.Should().Be(HttpStatusCode.Forbidden);
        status.Line.Should().NotBeEmpty();
    }
}
