using System.Net;
using System.Net.Sockets;
using System.Text;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Tests.Transport;

namespace PortForward.Cluster.Tests.Authentication;

public sealed class OidcProviderTests : IAsyncLifetime
{
    private const string Refused = "Unable to connect to the server: failed to refresh token of user \"u\": ";

    private readonly PluginFolder _users = new();
    private readonly TestIdentityProvider _idp = new();

    private DateTimeOffset Now => _users.Time.GetUtcNow();

    [Fact]
    public async Task A_token_that_is_valid_is_used_as_it_is()
    {
        string token = TestIdentityProvider.Jwt(Now.AddSeconds(11));
        ICredentialSource credentials = Resolve(token, "r");

        (await AuthorizationAsync(credentials)).Should().Be($"Bearer {token}");
        (await AuthorizationAsync(credentials)).Should().Be($"Bearer {token}");

        _idp.Requests.Should().BeEmpty();
    }

    [Fact]
    public async Task Ten_seconds_before_its_end_a_new_one_is_asked_for()
    {
        string renewed = TestIdentityProvider.Jwt(Now.AddHours(1), "renewed");
        _idp.Token = _ => TestIdentityProvider.Tokens(renewed);

        (await AuthorizationAsync(Resolve(TestIdentityProvider.Jwt(Now.AddSeconds(10)), "r"))).Should().Be($"Bearer {renewed}");
    }

    [Fact]
    public async Task A_renewed_token_is_used_until_it_ends_in_turn()
    {
        int count = 0;
        _idp.Token = _ => TestIdentityProvider.Tokens(TestIdentityProvider.Jwt(Now.AddMinutes(5), $"t{++count}"));
        ICredentialSource credentials = Resolve(null, "r");

        string first = (await AuthorizationAsync(credentials))!;
        _users.Time.Advance(TimeSpan.FromSeconds(289));
        (await AuthorizationAsync(credentials)).Should().Be(first);
        _users.Time.Advance(TimeSpan.FromSeconds(2));
        (await AuthorizationAsync(credentials)).Should().NotBe(first);

        _idp.TokenRequests.Should().HaveCount(2);
    }

    [Fact]
    public async Task The_secret_is_shown_in_a_header()
    {
        _idp.Token = _ => TestIdentityProvider.Tokens(TestIdentityProvider.Jwt(Now.AddHours(1)));

        await AuthorizationAsync(Resolve(null, "r +/=&", clientId: "pf: client", secret: "ü 1"));

        SeenRequest seen = _idp.TokenRequests.Single();
        seen.Lines[0].Should().Be("POST /realm/token HTTP/1.1");
        seen.Values("Authorization").Should().Equal($"Basic {Convert.ToBase64String("pf%3A+client:%C3%BC+1"u8)}");
        seen.Values("Content-Type").Should().Equal("application/x-www-form-urlencoded");
        TestIdentityProvider.Form(seen).Should().BeEquivalentTo(new Dictionary<string, string>(StringComparer.Ordinal) { ["grant_type"] = "refresh_token", ["refresh_token"] = "r +/=&" });
        _idp.Requests.First().Lines[0].Should().Be("GET /realm/.well-known/openid-configuration HTTP/1.1");
    }

    [Theory]
    [InlineData("s&cret")]
    [InlineData("")]
    public async Task A_provider_that_does_not_want_it_there_gets_it_in_the_form(string secret)
    {
        string renewed = TestIdentityProvider.Jwt(Now.AddHours(1));
        _idp.Token = request => TestIdentityProvider.IsByHeader(request) ? TestIdentityProvider.Refusal(401, """{"error":"invalid_client"}""") : TestIdentityProvider.Tokens(renewed);

        (await AuthorizationAsync(Resolve(null, "r", secret: secret))).Should().Be($"Bearer {renewed}");

        var expected = new Dictionary<string, string>(StringComparer.Ordinal) { ["grant_type"] = "refresh_token", ["refresh_token"] = "r", ["client_id"] = "pf" };
        if (secret.Length > 0)
        {
            expected["client_secret"] = secret;
        }

        TestIdentityProvider.Form(_idp.TokenRequests.Last()).Should().BeEquivalentTo(expected);
    }

    [Fact]
    public async Task New_tokens_are_written_back_and_nothing_else_is_changed()
    {
        string renewed = TestIdentityProvider.Jwt(Now.AddHours(1));
        _idp.Token = _ => TestIdentityProvider.Tokens(renewed, "rotated-refresh-token");
        string old = TestIdentityProvider.Jwt(Now.AddHours(-1));
        ICredentialSource credentials = Resolve(old, "old-refresh-token");
        string before = _users.Read("config");

        await AuthorizationAsync(credentials);

        _users.Read("config").Should().Be(before.Replace(old, renewed, StringComparison.Ordinal).Replace("'old-refresh-token'", "\"rotated-refresh-token\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Many_requests_lead_to_one_renewal()
    {
        _idp.Token = _ => TestIdentityProvider.Tokens(TestIdentityProvider.Jwt(Now.AddHours(1)));
        ICredentialSource credentials = Resolve(null, "r");

        string?[] all = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => AuthorizationAsync(credentials))));

        all.Distinct(StringComparer.Ordinal).Should().ContainSingle();
        _idp.TokenRequests.Should().ContainSingle();
    }

    [Fact]
    public async Task A_token_that_the_server_refuses_is_renewed_once()
    {
        string renewed = TestIdentityProvider.Jwt(Now.AddHours(2));
        _idp.Token = _ => TestIdentityProvider.Tokens(renewed);
        ICredentialSource credentials = Resolve(TestIdentityProvider.Jwt(Now.AddHours(1)), "r");
        Credential refused = await credentials.GetAsync(default);

        string?[] all = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() =>
        {
            credentials.Discard(refused).Should().BeTrue();
            return AuthorizationAsync(credentials);
        })));

        all.Should().OnlyContain(authorization => authorization == $"Bearer {renewed}");
        _idp.TokenRequests.Should().ContainSingle();
    }

    [Fact]
    public async Task A_refresh_token_that_is_refused_is_sent_11_times_in_an_idle_hour_and_a_login_elsewhere_is_noticed_at_once()
    {
        _idp.Token = _ => TestIdentityProvider.Refusal(400, """{"error":"invalid_grant"}""");
        ICredentialSource credentials = Resolve(TestIdentityProvider.Jwt(Now.AddHours(-1)), "old-one");

        for (int second = 0; second < 3600; second += 15)
        {
            (await FailureAsync(credentials)).Should().EndWith("answered 400 (invalid_grant): log in again");
            _users.Time.Advance(TimeSpan.FromSeconds(15));
        }

        _idp.TokenRequests.Should().HaveCount(2 * 11, "it is sent in both ways each time");
        string other = TestIdentityProvider.Jwt(Now.AddHours(1));
        Resolve(other, "r2");
        (await AuthorizationAsync(credentials)).Should().Be($"Bearer {other}");
    }

    [Fact]
    public async Task Beside_a_client_certificate_it_is_renewed_too()
    {
        using var root = new TestAuthority();
        (string certificate, string key) = root.IssueClient("jane");
        string renewed = TestIdentityProvider.Jwt(Now.AddHours(2));
        _idp.Token = _ => TestIdentityProvider.Tokens(renewed);
        ICredentialSource credentials = Resolve(TestIdentityProvider.Jwt(Now.AddHours(1)), "r", more: $", client-certificate-data: {Base64(certificate)}, client-key-data: {Base64(key)}");

        Credential refused = await credentials.GetAsync(default);
        credentials.Discard(refused).Should().BeTrue();
        Credential next = await credentials.GetAsync(default);

        next.Authorization.Should().Be($"Bearer {renewed}");
        next.Certificate.Should().BeSameAs(refused.Certificate).And.NotBeNull();
    }

    [Fact]
    public async Task After_a_401_the_request_is_sent_again_with_a_new_token()
    {
        using var root = new TestAuthority();
        string renewed = TestIdentityProvider.Jwt(Now.AddHours(2));
        _idp.Token = _ => TestIdentityProvider.Tokens(renewed);
        await using var server = TestServer.Tls(root.IssueServer("127.0.0.1"), request => request.Values("Authorization").Single() == $"Bearer {renewed}" ? TestServer.Ok() : TestServer.Status(401));
        using var connection = new ClusterConnection(_users.Configuration(
            User(TestIdentityProvider.Jwt(Now.AddHours(1)), "r"), $", certificate-authority-data: {Base64(root.Pem)}", server: $"https://127.0.0.1:{server.Port}"));
        using var request = new HttpRequestMessage(HttpMethod.Get, connection.Server);

        using HttpResponseMessage response = await connection.Invoker.SendAsync(request, CancellationToken.None);

        response.StatusCode.Should().Be(HttpStatusCode.OK);
        server.Requests.Should().HaveCount(2);
    }

    [Fact]
    public async Task Without_a_refresh_token_a_token_cannot_be_renewed()
    {
        const string Message = "Unable to connect to the server: No valid id-token, and cannot refresh without refresh-token: log in again, or add one to user \"u\" in the kubeconfig";

        (await FailureAsync(Resolve(TestIdentityProvider.Jwt(Now.AddSeconds(9)), null))).Should().Be(Message);
        (await FailureAsync(Resolve(null, null))).Should().Be(Message);
        ICredentialSource valid = Resolve(TestIdentityProvider.Jwt(Now.AddHours(1)), null);
        Credential refused = await valid.GetAsync(default);
        valid.Discard(refused).Should().BeFalse("there is no other");
        (await valid.GetAsync(default)).Should().BeSameAs(refused);
        _idp.Requests.Should().BeEmpty();
    }

    [Fact]
    public async Task What_another_program_has_written_meanwhile_is_used()
    {
        ICredentialSource credentials = Resolve(TestIdentityProvider.Jwt(Now.AddMinutes(1)), "r1");
        await AuthorizationAsync(credentials);
        _users.Time.Advance(TimeSpan.FromMinutes(2));
        string other = TestIdentityProvider.Jwt(Now.AddMinutes(1), "kubectl");
        Resolve(other, "r2");

        (await AuthorizationAsync(credentials)).Should().Be($"Bearer {other}");
        _idp.Requests.Should().BeEmpty("kubectl has been there");

        _users.Time.Advance(TimeSpan.FromMinutes(2));
        _idp.Token = _ => TestIdentityProvider.Tokens(TestIdentityProvider.Jwt(Now.AddMinutes(1)));
        await AuthorizationAsync(credentials);
        TestIdentityProvider.Form(_idp.TokenRequests.Single())["refresh_token"].Should().Be("r2");
    }

    [Fact]
    public async Task A_login_meanwhile_helps_even_without_a_refresh_token()
    {
        ICredentialSource credentials = Resolve(TestIdentityProvider.Jwt(Now.AddHours(-1)), null);
        await FailureAsync(credentials);
        string other = TestIdentityProvider.Jwt(Now.AddHours(1));
        Resolve(other, null);

        (await AuthorizationAsync(credentials)).Should().Be($"Bearer {other}");
    }

    [Fact]
    public async Task If_the_file_cannot_be_written_the_tokens_are_kept_in_memory_and_written_later()
    {
        int count = 0;
        _idp.Token = _ => ++count == 1
            ? TestIdentityProvider.Tokens(TestIdentityProvider.Jwt(Now.AddMinutes(1)), "rotated-once")
            : TestIdentityProvider.Tokens(TestIdentityProvider.Jwt(Now.AddMinutes(1), "second"));
        ICredentialSource credentials = Resolve(null, "original");
        string before = _users.Read("config");
        string gate = _users.Folder.Write("config.lock", "");

        Task<string?> first = AuthorizationAsync(credentials);
        (await _users.Time.AdvanceUntilAsync(first, TimeSpan.FromMilliseconds(50))).Should().StartWith("Bearer ");
        _users.Read("config").Should().Be(before);
        File.Delete(gate);
        _users.Time.Advance(TimeSpan.FromMinutes(10));
        string second = (await AuthorizationAsync(credentials))!;

        TestIdentityProvider.Form(_idp.TokenRequests.Last())["refresh_token"].Should().Be("rotated-once");
        _users.Read("config").Should().Contain("rotated-once").And.Contain(second["Bearer ".Length..]).And.NotContain("original");
    }

    [Theory]
    [InlineData(404, "{}", "/.well-known/openid-configuration answered 404")]
    [InlineData(200, "<html>", "/.well-known/openid-configuration is no JSON document")]
    [InlineData(200, "[1]", "/.well-known/openid-configuration is no JSON document")]
    [InlineData(200, "{}", "/.well-known/openid-configuration names no token_endpoint")]
    [InlineData(200, """{"token_endpoint":3}""", "/.well-known/openid-configuration names no token_endpoint")]
    [InlineData(200, """{"token_endpoint":"/token"}""", "/.well-known/openid-configuration names no token_endpoint")]
    public async Task A_discovery_that_fails_is_told(int status, string body, string message)
    {
        _idp.Discovery = _ => TestIdentityProvider.Refusal(status, body);

        (await FailureAsync(Resolve(null, "r"))).Should().Be($"{Refused}{_idp.Issuer}{message}");
        _idp.TokenRequests.Should().BeEmpty();
    }

    [Theory]
    [InlineData(400, """{"error":"invalid_grant","error_description":"Session\n\u001b[2J not active"}""", "/token answered 400 (invalid_grant: Session [2J not active): log in again")]
    [InlineData(401, """{"error":"invalid_client"}""", "/token answered 401 (invalid_client): log in again")]
    [InlineData(400, """{"error":"invalid_grant","error_description":"no such token: r3fr3sh-t0k3n"}""", "/token answered 400: log in again")]
    [InlineData(400, """{"error":"invalid_client","error_description":"wrong: cl13nt-s3cr3t"}""", "/token answered 400: log in again")]
    [InlineData(503, "down r3fr3sh-t0k3n", "/token answered 503")]
    [InlineData(200, "r3fr3sh-t0k3n", "/token answered with no JSON document")]
    public async Task A_renewal_that_fails_is_told_without_repeating_a_secret(int status, string body, string message)
    {
        _idp.Token = _ => TestIdentityProvider.Refusal(status, body);
        ICredentialSource credentials = Resolve(null, "r3fr3sh-t0k3n", secret: "cl13nt-s3cr3t");
        string before = _users.Read("config");

        (await FailureAsync(credentials)).Should().Be($"{Refused}{_idp.Issuer}{message}");
        _users.Read("config").Should().Be(before);
    }

    [Fact]
    public async Task An_answer_without_a_token_is_told()
    {
        _idp.Token = _ => TestServer.Ok("""{"access_token":"a"}""");
        (await FailureAsync(Resolve(null, "r"))).Should().StartWith($"{Refused}token response did not contain an id_token");

        _idp.Token = _ => TestIdentityProvider.Tokens("r3fr3sh-t0k3n");
        (await FailureAsync(Resolve(null, "r"))).Should().Be("Unable to connect to the server: the identity provider of user \"u\" gave an id_token that is no JWT");
    }

    [Fact]
    public async Task A_renewal_that_failed_is_tried_again_after_10_seconds()
    {
        await FailureAsync(Resolve(null, "r"));
        ICredentialSource credentials = Resolve(null, "r");
        await FailureAsync(credentials);
        _idp.Token = _ => TestIdentityProvider.Tokens(TestIdentityProvider.Jwt(Now.AddHours(1)));

        await FailureAsync(credentials);
        _users.Time.Advance(TimeSpan.FromSeconds(10));
        (await AuthorizationAsync(credentials)).Should().StartWith("Bearer ");
    }

    [Fact]
    public async Task A_provider_that_is_not_there_is_told()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        string issuer = $"http://jane:s3cr3t@127.0.0.1:{((IPEndPoint)socket.LocalEndPoint!).Port}";

        (await FailureAsync(Resolve(null, "r", issuer: issuer))).Should()
            .Be($"{Refused}{issuer.Replace("jane:s3cr3t@", "", StringComparison.Ordinal)}/: The connection to the server {new Uri(issuer).Authority} was refused - did you specify the right host or port?");
    }

    [Fact]
    public async Task A_provider_that_says_nothing_times_out_after_30_seconds()
    {
        var asked = new TaskCompletionSource();
        using var never = new ManualResetEventSlim();
        _idp.Discovery = _ =>
        {
            asked.SetResult();
            never.Wait();
            return TestServer.Ok();
        };
        Task<string> failure = FailureAsync(Resolve(null, "r"));
        await asked.Task;

        _users.Time.Advance(TimeSpan.FromSeconds(30));

        (await failure).Should().Be($"{Refused}{_idp.Issuer} did not answer within 30 s");
        never.Set();
    }

    [Fact]
    public async Task The_provider_may_have_an_authority_of_its_own()
    {
        using var root = new TestAuthority();
        await using var idp = new TestIdentityProvider(root);
        idp.Token = _ => TestIdentityProvider.Tokens(TestIdentityProvider.Jwt(Now.AddHours(1)));
        string file = _users.Folder.Write("idp.pem", root.Pem);

        (await AuthorizationAsync(Resolve(null, "r", issuer: idp.Issuer, config: $", idp-certificate-authority-data: {Base64(root.Pem)}, idp-certificate-authority: /gone"))).Should().StartWith("Bearer ");
        (await AuthorizationAsync(Resolve(null, "r", issuer: idp.Issuer, config: $", idp-certificate-authority: '{file}'"))).Should().StartWith("Bearer ");
        (await FailureAsync(Resolve(null, "r", issuer: idp.Issuer))).Should().Be($"{Refused}{idp.Issuer}: tls: failed to verify certificate: x509: certificate signed by unknown authority");
    }

    [Fact]
    public async Task A_token_is_not_sent_without_TLS_when_the_issuer_has_it()
    {
        using var root = new TestAuthority();
        await using var idp = new TestIdentityProvider(root);
        idp.Discovery = _ => TestServer.Ok($$"""{"token_endpoint":"http://127.0.0.1:{{_idp.Port}}/token"}""");

        (await FailureAsync(Resolve(null, "r", issuer: idp.Issuer, config: $", idp-certificate-authority-data: {Base64(root.Pem)}"))).Should().EndWith("names a token_endpoint without TLS, which is not sent any token");
        _idp.Requests.Should().BeEmpty();
    }

    [Fact]
    public async Task The_provider_is_reached_through_the_proxy_of_the_environment()
    {
        await using var proxied = new TestIdentityProvider(issuer: "http://idp.inside.invalid/realm");
        proxied.Token = _ => TestIdentityProvider.Tokens(TestIdentityProvider.Jwt(Now.AddHours(1)));
        _users.Folder.Set("HTTP_PROXY", $"http://127.0.0.1:{proxied.Port}");

        (await AuthorizationAsync(Resolve(null, "r", issuer: $"{proxied.Issuer}/"))).Should().StartWith("Bearer ");

        proxied.Requests.Select(request => request.Lines[0]).Should().Equal(
            "GET http://idp.inside.invalid/realm/.well-known/openid-configuration HTTP/1.1", "POST http://idp.inside.invalid/realm/token HTTP/1.1");
    }

    [Fact]
    public async Task Discovery_may_be_redirected_and_a_refresh_may_not()
    {
        _idp.Discovery = request => request.Lines[0].Contains("/moved", StringComparison.Ordinal)
            ? TestServer.Ok($$"""{"token_endpoint":"{{_idp.Issuer}}/token"}""")
            : TestServer.Status(302, "Location: /moved\r\n");
        _idp.Token = _ => TestServer.Status(307, "Location: http://elsewhere.invalid/\r\n");

        (await FailureAsync(Resolve(null, "r"))).Should().Be($"{Refused}{_idp.Issuer}/token answered 307");
    }

    [Theory]
    [InlineData("", "Must provide idp-issuer-url")]
    [InlineData(", config: {client-id: c}", "Must provide idp-issuer-url")]
    [InlineData(", config: {idp-issuer-url: 'https://idp.test'}", "Must provide client-id")]
    [InlineData(", config: {idp-issuer-url: idp.test, client-id: c}", "its idp-issuer-url is no http or https URL")]
    [InlineData(", config: {idp-issuer-url: 'https://idp.test', client-id: c, idp-certificate-authority-data: '%'}", "its idp-certificate-authority-data is no base64")]
    public void A_section_that_is_incomplete_is_told(string config, string message)
    {
        Action resolve = () => _users.Resolve($"{{auth-provider: {{name: oidc{config}}}}}");

        resolve.Should().Throw<ClusterException>().WithMessage($"the auth provider oidc of user \"u\" in the kubeconfig cannot be used: {message}");
    }

    [Fact]
    public async Task Other_ways_to_say_who_one_is_go_first()
    {
        string user = User(null, "r");

        (await AuthorizationAsync(_users.Resolve(user, overrides: new ClusterOverrides { Token = "flag" }))).Should().Be("Bearer flag");
        (await AuthorizationAsync(_users.Configuration(user, server: "http://c.test").Access.Credentials)).Should().BeNull("nothing is asked for when nothing can be sent");
    }

    [Fact]
    public async Task At_the_programs_end_a_renewal_is_cancelled()
    {
        var asked = new TaskCompletionSource();
        using var never = new ManualResetEventSlim();
        _idp.Discovery = _ =>
        {
            asked.SetResult();
            never.Wait();
            return TestServer.Ok();
        };
        ICredentialSource credentials = Resolve(null, "r");
        Func<Task> asking = () => AuthorizationAsync(credentials);
        Task ended = asking.Should().ThrowAsync<OperationCanceledException>();
        await asked.Task;

        ((IDisposable)credentials).Dispose();

        await ended;
        never.Set();
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _idp.DisposeAsync();
        _users.Dispose();
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static async Task<string?> AuthorizationAsync(ICredentialSource credentials) => (await credentials.GetAsync(CancellationToken.None)).Authorization;

    private static async Task<string> FailureAsync(ICredentialSource credentials)
    {
        Func<Task> get = () => AuthorizationAsync(credentials);
        ClusterException failure = (await get.Should().ThrowAsync<ClusterException>()).Which;
        failure.IsVerbatim.Should().BeTrue();
        for (Exception? cause = failure; cause is not null; cause = cause.InnerException)
        {
            cause.Message.Should().NotContainAny("r3fr3sh-t0k3n", "cl13nt-s3cr3t", "s3cr3t");
        }

        return failure.Message;
    }

    private string User(string? idToken, string? refreshToken, string? issuer = null, string clientId = "pf", string secret = "secret", string config = "", string more = "") =>
        $"{{auth-provider: {{name: oidc, config: {{idp-issuer-url: '{issuer ?? _idp.Issuer}', client-id: '{clientId}', client-secret: '{secret}', extra-scopes: 'a,b'"
        + (idToken is null ? "" : $", id-token: {idToken}") + (refreshToken is null ? "" : $", refresh-token: '{refreshToken}'") + $"{config}}}}}{more}}}";

    private ICredentialSource Resolve(
        string? idToken, string? refreshToken, string? issuer = null, string clientId = "pf", string secret = "secret", string config = "", string more = "") =>
        _users.Resolve(User(idToken, refreshToken, issuer, clientId, secret, config, more));
}
