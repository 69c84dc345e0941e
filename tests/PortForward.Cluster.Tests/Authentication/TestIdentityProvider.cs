using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net;
using System.Text;
using PortForward.Cluster.Tests.Transport;

namespace PortForward.Cluster.Tests.Authentication;

/// <summary>An identity provider on this machine, which hands out what the test says.</summary>
internal sealed class TestIdentityProvider : IAsyncDisposable
{
    private readonly TestServer _server;
    private readonly string? _issuer;

    public TestIdentityProvider(TestAuthority? authority = null, string? issuer = null)
    {
        _issuer = issuer;
        _server = authority is null ? new TestServer(Answer) : TestServer.Tls(authority.IssueServer("127.0.0.1"), Answer);
        Scheme = authority is null ? "http" : "https";
    }

    public int Port => _server.Port;

    public string Scheme { get; }

    public string Issuer => _issuer ?? $"{Scheme}://127.0.0.1:{_server.Port}/realm";

    /// <summary>Answers the discovery request.</summary>
    public Func<SeenRequest, string>? Discovery { get; set; }

    /// <summary>Answers the requests for tokens.</summary>
    public Func<SeenRequest, string> Token { get; set; } = _ => TestServer.Status(500);

    /// <summary>The requests for tokens.</summary>
    public ConcurrentQueue<SeenRequest> TokenRequests { get; } = [];

    public ConcurrentQueue<SeenRequest> Requests => _server.Requests;

    /// <summary>A token that expires at a time.</summary>
    public static string Jwt(DateTimeOffset expiration, string subject = "jane") => Jwt($$"""{"sub":"{{subject}}","exp":{{expiration.ToUnixTimeSeconds()}}}""");

    public static string Jwt(string claims) => $"eyJhbGciOiJub25lIn0.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}.c2lnbmF0dXJl";

    public static string Tokens(string idToken, string? refreshToken = null) =>
        TestServer.Ok($$"""{"access_token":"a","token_type":"Bearer","id_token":"{{idToken}}"{{(refreshToken is null ? "" : $",\"refresh_token\":\"{refreshToken}\"")}}}""");

    public static string Refusal(int status, string body) => $"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}";

    public static bool IsByHeader(SeenRequest request) => request.Values("Authorization").Any();

    /// <summary>The fields of a form.</summary>
    public static Dictionary<string, string> Form(SeenRequest request) => request.Body.Split('&').Select(pair => pair.Split('=', 2))
        .ToDictionary(pair => WebUtility.UrlDecode(pair[0]), pair => WebUtility.UrlDecode(pair[1]), StringComparer.Ordinal);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private string Answer(SeenRequest request)
    {
        if (request.Lines[0].StartsWith("GET ", StringComparison.Ordinal))
        {
            return Discovery?.Invoke(request) ?? TestServer.Ok($$"""{"issuer":"{{Issuer}}","token_endpoint":"{{Issuer}}/token"}""");
        }

        TokenRequests.Enqueue(request);
        return Token(request);
    }
}
