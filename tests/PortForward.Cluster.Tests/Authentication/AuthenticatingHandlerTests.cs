using System.Net;
using System.Text;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Tests.Transport;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Authentication;

public sealed class AuthenticatingHandlerTests : IDisposable
{
    private readonly PluginFolder _users = new();
    private readonly TestAuthority _root = new();

    [Fact]
    public async Task Credentials_and_the_user_to_act_as_are_sent_with_each_request()
    {
        await using TestServer server = Server();
        using ClusterConnection connection = Connect(server, "{token: t, as: jané, as-groups: [a, 'b, c'], as-user-extra: {k: [v]}}");

        (await GetAsync(connection)).Should().Be(HttpStatusCode.OK);
        (await GetAsync(connection)).Should().Be(HttpStatusCode.OK);

        server.Requests.Should().HaveCount(2).And.OnlyContain(request => request.Connection == 1);
        foreach (SeenRequest seen in server.Requests)
        {
            seen.Values("Authorization").Should().Equal("Bearer t");
            seen.Values("Impersonate-User").Should().Equal("jané");
            seen.Values("Impersonate-Group").Should().Equal("a", "b, c");
            seen.Values("Impersonate-Extra-k").Should().Equal("v");
        }
    }

    [Fact]
    public async Task After_a_401_renewed_credentials_are_tried_once()
    {
        _users.Folder.Write("token", "first");
        await using TestServer server = Server(request =>
        {
            _users.Folder.Write("token", "second");
            return request.Values("Authorization").Single() == "Bearer second" ? TestServer.Ok() : TestServer.Status(401);
        });
        using ClusterConnection connection = Connect(server, "{tokenFile: token}");

        (await GetAsync(connection)).Should().Be(HttpStatusCode.OK);

        server.Requests.Select(request => request.Values("Authorization").Single()).Should().Equal("Bearer first", "Bearer second");
    }

    [Fact]
    public async Task A_second_401_is_the_answer()
    {
        await using TestServer server = Server(_ => TestServer.Status(401));
        using ClusterConnection connection = Plugin(server);

        (await GetAsync(connection)).Should().Be(HttpStatusCode.Unauthorized);
        server.Requests.Should().HaveCount(2);
        (await GetAsync(connection)).Should().Be(HttpStatusCode.Unauthorized);
        server.Requests.Select(request => request.Values("Authorization").Single()).Should().Equal("Bearer t1", "Bearer t2", "Bearer t2");
        _users.Time.Advance(TimeSpan.FromSeconds(10));
        (await GetAsync(connection)).Should().Be(HttpStatusCode.Unauthorized);
        server.Requests.Select(request => request.Values("Authorization").Single()).Skip(3).Should().Equal("Bearer t2", "Bearer t3");
    }

    [Fact]
    public async Task Refused_credentials_that_the_server_takes_again_are_used_again()
    {
        bool isDown = true;
        await using TestServer server = Server(_ => isDown ? TestServer.Status(401) : TestServer.Ok());
        using ClusterConnection connection = Plugin(server);
        await GetAsync(connection);
        isDown = false;

        (await GetAsync(connection)).Should().Be(HttpStatusCode.OK);

        _users.Runs.Should().Be(2, "it was the server's fault");
    }

    [Fact]
    public async Task A_server_that_refuses_whatever_a_plug_in_hands_out_makes_it_run_12_times_in_an_hour()
    {
        await using TestServer server = Server(_ => TestServer.Status(401));
        using ClusterConnection connection = Plugin(server);

        for (int second = 0; second < 3600; second += 15)
        {
            await GetAsync(connection);
            _users.Time.Advance(TimeSpan.FromSeconds(15));
        }

        _users.Runs.Should().Be(12);
    }

    [Fact]
    public async Task That_a_login_is_needed_is_told_at_once_and_every_10_minutes()
    {
        await using TestServer server = Server();
        using ClusterConnection connection = Connect(server, Exec("exit 3"));
        var told = new List<(int Minute, string Reason)>();
        int minute = 0;
        connection.OnLoginNeeded = needed => told.Add((minute, needed.Reason));
        Func<Task> get = () => GetAsync(connection);

        for (; minute < 25; minute++)
        {
            await get.Should().ThrowAsync<HttpRequestException>();
            await get.Should().ThrowAsync<HttpRequestException>();
            _users.Time.Advance(TimeSpan.FromMinutes(1));
        }

        told.Select(one => one.Minute).Should().Equal(0, 10, 20);
        told.Select(one => one.Reason).Distinct(StringComparer.Ordinal).Should().Equal("getting credentials: exec: executable /bin/sh failed with exit code 3");
    }

    [Fact]
    public async Task That_the_server_refuses_the_credentials_is_told_unless_it_takes_them_in_between()
    {
        bool works = false;
        await using TestServer server = Server(_ => works ? TestServer.Ok() : TestServer.Status(401));
        using ClusterConnection connection = Connect(server, "{token: t}");
        var told = new List<LoginNeeded>();
        connection.OnLoginNeeded = told.Add;

        for (int i = 0; i < 10; i++, works = !works)
        {
            await GetAsync(connection);
        }

        told.Should().BeEmpty("a gateway refuses one kind of request");
        works = false;
        for (int i = 0; i < 3; i++)
        {
            await GetAsync(connection);
        }

        told.Should().Equal(new LoginNeeded("the server refuses the credentials of user \"u\" (401)"));
    }

    [Fact]
    public async Task A_request_with_a_body_is_not_sent_twice_but_the_next_one_has_renewed_credentials()
    {
        await using TestServer server = Server(request => request.Values("Authorization").Single() == "Bearer t1" ? TestServer.Status(401, "Connection: close\r\n") : TestServer.Ok());
        using ClusterConnection connection = Plugin(server);
        using var request = new HttpRequestMessage(HttpMethod.Post, connection.Server) { Content = new ByteArrayContent([]) };

        using (HttpResponseMessage response = await connection.Invoker.SendAsync(request, default))
        {
            response.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        }

        server.Requests.Should().ContainSingle();
        (await GetAsync(connection)).Should().Be(HttpStatusCode.OK, "the refused credentials are not used again");
        server.Requests.Select(seen => seen.Values("Authorization").Single()).Should().Equal("Bearer t1", "Bearer t2");
    }

    [Fact]
    public async Task Credentials_that_cannot_change_are_not_tried_again()
    {
        await using TestServer server = Server(_ => TestServer.Status(401));
        using ClusterConnection connection = Connect(server, "{token: t}");

        (await GetAsync(connection)).Should().Be(HttpStatusCode.Unauthorized);
        server.Requests.Should().ContainSingle();
    }

    [Theory]
    [InlineData(403)]
    [InlineData(500)]
    public async Task Other_failures_say_nothing_about_the_credentials(int status)
    {
        await using TestServer server = Server(_ => TestServer.Status(status));
        using ClusterConnection connection = Plugin(server);

        ((int)await GetAsync(connection)).Should().Be(status);
        server.Requests.Should().ContainSingle();
    }

    [Fact]
    public async Task With_a_new_certificate_new_connections_are_made()
    {
        await using TestServer server = Server(asksForCertificate: true);
        WriteCertificate("first");
        using ClusterConnection connection = Connect(server, "{client-certificate: c.pem, client-key: k.pem}");

        await GetAsync(connection);
        await GetAsync(connection);
        WriteCertificate("second");
        _users.Time.Advance(TimeSpan.FromMinutes(1));
        await GetAsync(connection);
        await GetAsync(connection);

        server.Requests.Select(request => $"{request.Connection} {request.ClientChain.Single()}").Should().Equal("1 CN=first", "1 CN=first", "2 CN=second", "2 CN=second");
    }

    [Fact]
    public async Task A_401_for_a_certificate_that_was_renewed_meanwhile_is_no_failure()
    {
        await using TestServer server = Server(request => request.ClientChain.Single() == "CN=second" ? TestServer.Ok() : TestServer.Status(401), asksForCertificate: true);
        WriteCertificate("first");
        using ClusterConnection connection = Connect(server, "{client-certificate: c.pem, client-key: k.pem}");
        (await GetAsync(connection)).Should().Be(HttpStatusCode.Unauthorized);
        WriteCertificate("second");

        (await GetAsync(connection)).Should().Be(HttpStatusCode.OK);

        server.Requests.Select(request => request.ClientChain.Single()).Should().Equal("CN=first", "CN=first", "CN=second");
    }

    [Fact]
    public async Task Requests_with_an_old_and_a_new_certificate_in_turn_share_the_connections_of_each()
    {
        WriteCertificate("first");
        ClientCertificate first = await LoadAsync();
        WriteCertificate("second");
        ClientCertificate second = await LoadAsync();
        var made = new List<ClientCertificate?>();
        using var invoker = new HttpMessageInvoker(new AuthenticatingHandler(
            new TakingTurns(first, second), Impersonation.Resolve(user: null, new ClusterOverrides()), certificate =>
            {
                made.Add(certificate);
                return new AlwaysOk();
            },
            owner: "user \"u\"",
            TimeProvider.System));

        for (int i = 0; i < 6; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "https://api.example/");
            (await invoker.SendAsync(request, default)).Dispose();
        }

        made.Should().Equal(first, second);

        async Task<ClientCertificate> LoadAsync() => (await _users.Resolve("{client-certificate: c.pem, client-key: k.pem}").GetAsync(default)).Certificate!;
    }

    [Fact]
    public async Task A_plug_in_may_answer_a_401_with_a_new_certificate()
    {
        await using TestServer server = Server(request => request.ClientChain.Single() == "CN=second" ? TestServer.Ok() : TestServer.Status(401), asksForCertificate: true);
        WriteAnswer("first");
        string script = $"cat '{_users.Folder["answer"]}'";
        using ClusterConnection connection = Connect(server, Exec(script));
        (await GetAsync(connection)).Should().Be(HttpStatusCode.Unauthorized);

        WriteAnswer("second");
        _users.Time.Advance(TimeSpan.FromSeconds(10));
        (await GetAsync(connection)).Should().Be(HttpStatusCode.OK);

        server.Requests.Select(request => request.ClientChain.Single()).Should().Equal("CN=first", "CN=first", "CN=first", "CN=second");
        server.Requests.Last().Connection.Should().Be(2);
    }

    [Fact]
    public async Task Credentials_that_cannot_be_had_are_the_requests_failure()
    {
        await using TestServer server = Server();
        using ClusterConnection connection = Connect(server, "{exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never}}");
        Func<Task> get = () => GetAsync(connection);

        HttpRequestException failure = (await get.Should().ThrowAsync<HttpRequestException>()).Which;

        failure.InnerException.Should().BeOfType<ClusterException>().Which.Message.Should().Contain("no-such-plugin not found");
        server.Requests.Should().BeEmpty();
    }

    public void Dispose()
    {
        _users.Dispose();
        _root.Dispose();
    }

    private static async Task<HttpStatusCode> GetAsync(ClusterConnection connection)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(connection.Server, "version"));
        using HttpResponseMessage response = await connection.Invoker.SendAsync(request, CancellationToken.None);
        await response.Content.ReadAsByteArrayAsync();
        return response.StatusCode;
    }

    private TestServer Server(Func<SeenRequest, string>? answer = null, bool asksForCertificate = false) =>
        TestServer.Tls(_root.IssueServer("127.0.0.1"), answer, asksForCertificate);

    private ClusterConnection Connect(TestServer server, string user) =>
        new(_users.Configuration(user, $", certificate-authority-data: {Convert.ToBase64String(Encoding.UTF8.GetBytes(_root.Pem))}", server: $"https://127.0.0.1:{server.Port}"));

    /// <summary>A connection with the tokens t1, t2 and so on.</summary>
    private ClusterConnection Plugin(TestServer server) => Connect(server, Exec(
        $"{_users.CountRun}\nn=$(wc -l < '{_users.Folder["runs"]}' | tr -d ' ')\nprintf '{{\"kind\":\"ExecCredential\",\"apiVersion\":\"{PluginFolder.V1}\",\"status\":{{\"token\":\"t%s\"}}}}' \"$n\""));

    private string Exec(string script) =>
        $"{{exec: {{apiVersion: {PluginFolder.V1}, command: /bin/sh, args: ['{_users.Folder.Write("plugin", script)}'], interactiveMode: Never}}}}";

    private void WriteAnswer(string name)
    {
        (string certificate, string key) = _root.IssueClient(name);
        _users.Folder.Write("answer", PluginFolder.Answer(PluginFolder.CertificateStatus(certificate, key)));
    }

    private void WriteCertificate(string name)
    {
        (string certificate, string key) = _root.IssueClient(name);
        _users.Folder.Write("c.pem", certificate);
        _users.Folder.Write("k.pem", key);
    }

    private sealed class TakingTurns(params ClientCertificate[] certificates) : ICredentialSource
    {
        private int _turn;

        public ValueTask<Credential> GetAsync(CancellationToken cancellationToken) =>
            new(new Credential(authorization: null, certificates[_turn++ % certificates.Length]));

        public bool Discard(Credential refused) => false;
    }

    private sealed class AlwaysOk : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK));
    }
}
