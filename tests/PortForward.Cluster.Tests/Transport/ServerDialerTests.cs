using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Transport;

public sealed class ServerDialerTests : IDisposable
{
    private const string Name = "api.example.test";

    private readonly TestAuthority _root = new();

    [Fact]
    public async Task The_name_is_asked_for_and_checked()
    {
        await using var server = TestServer.Tls(_root.IssueServer(Name));

        (await GetAsync(server, Dialer())).ServerName.Should().Be(Name);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task An_address_is_checked_and_not_asked_for_by_name(string text)
    {
        var address = IPAddress.Parse(text);
        await using var server = TestServer.Tls(_root.IssueServer(text), address: address);
        await using var other = TestServer.Tls(_root.IssueServer("10.0.0.1", Name), address: address);
        string host = text.Contains(':', StringComparison.Ordinal) ? $"[{text}]" : text;

        (await GetAsync(server, Dialer(), host)).ServerName.Should().BeNullOrEmpty();
        (await FailureAsync(other, Dialer(), host)).Should().Be($"Unable to connect to the server: tls: failed to verify certificate: x509: certificate is valid for 10.0.0.1, not {text}");
    }

    [Fact]
    public async Task Another_name_can_be_asked_for()
    {
        await using var server = TestServer.Tls(_root.IssueServer("inner.example.test"));

        (await GetAsync(server, Dialer(serverName: "inner.example.test"))).ServerName.Should().Be("inner.example.test");
        (await FailureAsync(server, Dialer())).Should().EndWith($"x509: certificate is valid for inner.example.test, not {Name}");
        (await FailureAsync(server, Dialer(serverName: "10.0.0.1"))).Should().EndWith("because it doesn't contain any IP SANs");
    }

    [Fact]
    public async Task A_server_may_send_its_intermediates()
    {
        using var intermediate = new TestAuthority("CN=intermediate", _root);
        await using var complete = TestServer.Tls(intermediate.IssueServer(Name), intermediates: intermediate.Certificate);
        await using var incomplete = TestServer.Tls(intermediate.IssueServer(Name));

        (await GetAsync(complete, Dialer())).ServerName.Should().Be(Name);
        (await FailureAsync(incomplete, Dialer())).Should().EndWith("tls: failed to verify certificate: x509: certificate signed by unknown authority");
    }

    [Fact]
    public async Task A_server_of_an_authority_that_was_renewed_under_its_name_is_trusted_whichever_comes_first()
    {
        using var old = new TestAuthority("CN=root", hasKeyIdentifier: false);
        using var intermediate = new TestAuthority("CN=intermediate", _root);
        await using var direct = TestServer.Tls(_root.IssueServer(Name));
        await using var below = TestServer.Tls(intermediate.IssueServer(Name), intermediates: intermediate.Certificate);
        ServerTrust trust = ServerTrust.Pool(Encoding.UTF8.GetBytes($"{old.Pem}\n{_root.Pem}"), "test");

        (await GetAsync(direct, Dialer(trust: trust))).ServerName.Should().Be(Name);
        (await GetAsync(below, Dialer(trust: trust))).ServerName.Should().Be(Name);
    }

    [Fact]
    public async Task An_expired_certificate_is_told_with_its_dates()
    {
        await using var server = TestServer.Tls(_root.IssueServer([Name], hasExpired: true));

        (await FailureAsync(server, Dialer())).Should().Match("*x509: certificate has expired or is not yet valid: it is valid from *");
    }

    [Fact]
    public async Task Insecure_connects_to_anyone()
    {
        await using var server = TestServer.Tls(_root.IssueServer(["other"], hasExpired: true));

        (await GetAsync(server, Dialer(ServerTrust.Insecure))).ServerName.Should().Be(Name);
    }

    [Fact]
    public async Task The_client_certificate_is_sent_with_its_chain()
    {
        using var intermediate = new TestAuthority("CN=intermediate", _root);
        (string certificate, string key) = intermediate.IssueClient("jane", withChain: true);
        var client = ClientCertificate.Load(Encoding.UTF8.GetBytes(certificate), Encoding.UTF8.GetBytes(key), "test");
        await using var server = TestServer.Tls(_root.IssueServer(Name), asksForCertificate: true);

        (await GetAsync(server, Dialer(certificate: client))).ClientChain.Should().Equal("CN=jane", "CN=intermediate");
        (await GetAsync(server, Dialer())).ClientChain.Should().BeEmpty();
    }

    [Fact]
    public async Task A_refused_connection_names_the_address()
    {
        int port = ClosedPort();

        (await FailureAsync(Dialer(), $"https://127.0.0.1:{port}/")).Should()
            .Be($"The connection to the server 127.0.0.1:{port} was refused - did you specify the right host or port?");
        (await FailureAsync(Dialer(), $"https://[::1]:{port}/")).Should()
            .Be($"The connection to the server [::1]:{port} was refused - did you specify the right host or port?");
    }

    [Fact]
    public async Task A_name_that_nobody_knows_is_told()
    {
        ServerDialer dialer = new()
        {
            Trust = ServerTrust.System,
            Time = TimeProvider.System,
            LookUp = (_, _) => throw new SocketException((int)SocketError.HostNotFound),
        };

        (await FailureAsync(dialer, "https://nowhere.test/")).Should().Be("Unable to connect to the server: dial tcp: lookup nowhere.test: no such host");
    }

    [Fact]
    public async Task A_lookup_that_takes_too_long_is_told_with_the_address()
    {
        var time = new FakeTimeProvider();
        ServerDialer dialer = new()
        {
            Trust = ServerTrust.System,
            Time = time,
            LookUp = async (_, token) =>
            {
                time.Advance(TimeSpan.FromSeconds(30));
                await Task.Delay(Timeout.Infinite, token);
                return [];
            },
        };

        (await FailureAsync(dialer, "https://slow.test:6443/")).Should().Be("Unable to connect to the server: dial tcp slow.test:6443: no answer within 30 s");
    }

    [Fact]
    public async Task A_server_that_says_nothing_times_out_with_its_address()
    {
        var time = new FakeTimeProvider();
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        int port = ((IPEndPoint)silent.LocalEndpoint).Port;
        ServerDialer dialer = new() { Trust = ServerTrust.System, Time = time, LookUp = (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]) };

        ValueTask<Stream> dial = dialer.ConnectAsync(new Uri($"https://{Name}:{port}/"), CancellationToken.None);
        using Socket accepted = await silent.AcceptSocketAsync();
        (await accepted.ReceiveAsync(new byte[16384])).Should().BePositive("the client says hello");
        time.Advance(TimeSpan.FromSeconds(10));

        Func<Task> waiting = async () => await dial;
        (await waiting.Should().ThrowAsync<ClusterException>()).WithMessage($"Unable to connect to the server: net/http: TLS handshake timeout: {Name}:{port} did not answer within 10 s");
    }

    [Fact]
    public async Task A_server_without_TLS_is_told()
    {
        await using var server = new TestServer();
        using var plain = new TcpListener(IPAddress.Loopback, 0);
        plain.Start();
        int port = ((IPEndPoint)plain.LocalEndpoint).Port;
        Task talk = Task.Run(async () =>
        {
            using Socket socket = await plain.AcceptSocketAsync();
            await socket.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray());
            await socket.ReceiveAsync(new byte[16384]);
        });

        (await FailureAsync(Dialer(), $"https://{Name}:{port}/")).Should().StartWith($"Unable to connect to the server: tls: handshake with {Name}:{port} failed: ");
        await talk;
    }

    [Fact]
    public async Task A_dial_that_is_cancelled_is_no_failure()
    {
        using var cancelled = new CancellationTokenSource();
        ServerDialer dialer = new()
        {
            Trust = ServerTrust.System,
            Time = TimeProvider.System,
            LookUp = async (_, token) =>
            {
                await cancelled.CancelAsync();
                await Task.Delay(Timeout.Infinite, token);
                return [];
            },
        };

        Func<Task> dial = async () => await dialer.ConnectAsync(new Uri("https://slow.test/"), cancelled.Token);
        await dial.Should().ThrowAsync<OperationCanceledException>();
    }

    [Fact]
    public async Task The_second_address_is_used_when_the_first_refuses()
    {
        await using var server = TestServer.Tls(_root.IssueServer(Name));
        ServerDialer dialer = new()
        {
            Trust = ServerTrust.Pool(Encoding.UTF8.GetBytes(_root.Pem), "test"),
            Time = TimeProvider.System,
            LookUp = (_, _) => Task.FromResult<IPAddress[]>([IPAddress.IPv6Loopback, IPAddress.Loopback]),
        };

        (await GetAsync(server, dialer)).ServerName.Should().Be(Name);
    }

    public void Dispose() => _root.Dispose();

    private static int ClosedPort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static async Task<string> FailureAsync(ServerDialer dialer, string server)
    {
        Func<Task> dial = async () => await dialer.ConnectAsync(new Uri(server), CancellationToken.None);
        ClusterException failure = (await dial.Should().ThrowAsync<ClusterException>()).Which;
        failure.IsVerbatim.Should().BeTrue();
        return failure.Message;
    }

    private static Task<string> FailureAsync(TestServer server, ServerDialer dialer, string host = Name) => FailureAsync(dialer, $"https://{host}:{server.Port}/");

    private static async Task<SeenRequest> GetAsync(TestServer server, ServerDialer dialer, string host = Name)
    {
        await using Stream stream = await dialer.ConnectAsync(new Uri($"https://{host}:{server.Port}/"), CancellationToken.None);
        await stream.WriteAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
        byte[] answer = new byte[TestServer.Ok().Length];
        await stream.ReadExactlyAsync(answer);
        return server.Requests.Last();
    }

    private ServerDialer Dialer(ServerTrust? trust = null, string? serverName = null, ClientCertificate? certificate = null) => new()
    {
        Trust = trust ?? ServerTrust.Pool(Encoding.UTF8.GetBytes(_root.Pem), "test"),
        ServerName = serverName,
        Certificate = certificate,
        Time = TimeProvider.System,
        LookUp = (host, token) => host == Name ? Task.FromResult<IPAddress[]>([IPAddress.Loopback]) : Dns.GetHostAddressesAsync(host, token),
    };
}
