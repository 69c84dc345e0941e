using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Transport;

/// <summary>The API server's name is one that only the proxy could know.</summary>
public sealed class ServerDialerProxyTests : IDisposable
{
    private const string Name = "api.inside.invalid";
    private const string Secret = "s3cr3t";

    private readonly TestAuthority _root = new();

    [Fact]
    public async Task An_http_proxy_is_asked_to_connect_by_name()
    {
        await using var server = TestServer.Tls(_root.IssueServer(Name));
        await using var proxy = new TestProxy(TestProxy.Http(), server.Port);

        SeenRequest seen = await GetAsync(server, $"http://127.0.0.1:{proxy.Port}");

        seen.ServerName.Should().Be(Name);
        proxy.Seen.Should().Equal($"CONNECT {Name}:6443 HTTP/1.1\r\nHost: {Name}:6443\r\nUser-Agent: pf\r\n\r\n");
    }

    [Fact]
    public async Task Credentials_go_to_an_http_proxy_and_not_to_the_server()
    {
        await using var server = TestServer.Tls(_root.IssueServer(Name));
        await using var proxy = new TestProxy(TestProxy.Http("HTTP/1.0 200 OK\r\nVia: x\r\n\r\n"), server.Port);

        SeenRequest seen = await GetAsync(server, $"http://jane:{Secret}%40@127.0.0.1:{proxy.Port}");

        proxy.Seen.Single().Should().Contain($"\r\nProxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"jane:{Secret}@"))}\r\n");
        seen.Head.Should().NotContain("Proxy-");
    }

    [Theory]
    [InlineData("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n", "it asks for a user name and a password (407): write those it takes into its address, as in http://user:password@host")]
    [InlineData("HTTP/1.1 403 Forbidden\u001b[2J by policy\r\n\r\n", "it refused to connect to api.inside.invalid:6443 (403 Forbidden [2J by policy)")]
    [InlineData("HTTP/1.1 502 \r\n\r\n", "it refused to connect to api.inside.invalid:6443 (502)")]
    [InlineData("HTTP/1.1 503\r\n\r\n", "it refused to connect to api.inside.invalid:6443 (503)")]
    [InlineData("HTTP/2 200 OK\r\n\r\n", "it does not speak HTTP")]
    [InlineData("SSH-2.0-x\r\n\r\n", "it does not speak HTTP")]
    [InlineData("HTTP/1.1 2x0 OK\r\n\r\n", "it does not speak HTTP")]
    [InlineData("HTTP/1.1 404 Not Found\r\n", "it broke off the connection")]
    [InlineData("", "it broke off the connection")]
    public async Task What_an_http_proxy_answers_else_is_told(string answer, string message)
    {
        await using var proxy = new TestProxy(TestProxy.Http(answer));

        (await FailureAsync($"http://jane:{Secret}@127.0.0.1:{proxy.Port}")).Should()
            .Be($"Unable to connect to the server: the proxy http://127.0.0.1:{proxy.Port} (test): {message}");
    }

    [Fact]
    public async Task An_at_sign_in_the_password_is_part_of_it()
    {
        await using var server = TestServer.Tls(_root.IssueServer(Name));
        await using var proxy = new TestProxy(TestProxy.Http(), server.Port);

        await GetAsync(server, $"http://jane:{Secret}@1@127.0.0.1:{proxy.Port}");

        proxy.Seen.Single().Should().Contain($"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"jane:{Secret}@1"))}\r\n");
    }

    [Fact]
    public async Task An_answer_that_never_ends_is_cut()
    {
        await using var proxy = new TestProxy(TestProxy.Http("HTTP/1.1 404 Not Found\r\nX: " + new string('x', 100_000)));

        (await FailureAsync($"http://127.0.0.1:{proxy.Port}")).Should().EndWith("(test): its answer does not end");
    }

    [Fact]
    public async Task What_follows_the_proxys_answer_is_the_servers()
    {
        await using var proxy = new TestProxy(TestProxy.Http("HTTP/1.1 200 OK\r\n\r\nfrom the server"));
        ServerDialer dialer = Dialer($"http://127.0.0.1:{proxy.Port}", TimeProvider.System);
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, proxy.Port);
        await using var stream = new NetworkStream(socket);

        await ProxyHandshake.ConnectAsync(stream, dialer.Proxy!, new DnsEndPoint(Name, 6443), CancellationToken.None);

        byte[] rest = new byte["from the server".Length];
        await stream.ReadExactlyAsync(rest);
        Encoding.UTF8.GetString(rest).Should().Be("from the server");
    }

    [Fact]
    public async Task An_https_proxy_is_encrypted_for_itself_and_is_shown_no_certificate()
    {
        (string certificate, string key) = _root.IssueClient("jane");
        var client = ClientCertificate.Load(Encoding.UTF8.GetBytes(certificate), Encoding.UTF8.GetBytes(key), "test");
        await using var server = TestServer.Tls(_root.IssueServer(Name), asksForCertificate: true);
        await using var proxy = new TestProxy(TestProxy.Http(), server.Port, TestServer.Options(_root.IssueServer("127.0.0.1"), asksForCertificate: true));

        SeenRequest seen = await GetAsync(server, $"https://jane:{Secret}@127.0.0.1:{proxy.Port}", client);

        seen.ClientChain.Should().Equal("CN=jane");
        proxy.HasSeenCertificate.Should().BeFalse();
        proxy.Seen.Single().Should().StartWith($"CONNECT {Name}:6443 ").And.Contain("Proxy-Authorization: Basic ");
    }

    [Fact]
    public async Task An_https_proxy_of_another_name_is_refused()
    {
        await using var proxy = new TestProxy(TestProxy.Http(), tls: TestServer.Options(_root.IssueServer("proxy.test")));

        (await FailureAsync($"https://jane:{Secret}@127.0.0.1:{proxy.Port}")).Should()
            .Be($"Unable to connect to the server: the proxy https://127.0.0.1:{proxy.Port} (test): tls: failed to verify certificate: x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs");
        proxy.Seen.Should().BeEmpty("it is not told anything");
    }

    [Fact]
    public async Task A_proxy_that_does_not_speak_TLS_is_told()
    {
        await using var proxy = new TestProxy(TestProxy.Steps((5, "HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray()), (0, null)));

        (await FailureAsync($"https://127.0.0.1:{proxy.Port}")).Should()
            .StartWith($"Unable to connect to the server: the proxy https://127.0.0.1:{proxy.Port} (test): tls: handshake with 127.0.0.1:{proxy.Port} failed: ");
    }

    [Fact]
    public async Task A_socks_proxy_is_asked_by_name()
    {
        await using var server = TestServer.Tls(_root.IssueServer(Name));
        await using var proxy = new TestProxy(TestProxy.Steps((3, [5, 0]), (4 + 1 + Name.Length + 2, [5, 0, 0, 1, 127, 0, 0, 1, 0, 0])), server.Port);

        (await GetAsync(server, $"socks5://127.0.0.1:{proxy.Port}")).ServerName.Should().Be(Name);

        proxy.Seen.Should().Equal("050100", $"05010003{Name.Length:X2}{Convert.ToHexString(Encoding.UTF8.GetBytes(Name))}192B");
    }

    [Theory]
    [InlineData("10.1.2.3", "050100010A010203192B", 10)]
    [InlineData("[fd00::1]", "05010004FD000000000000000000000000000001192B", 22)]
    public async Task A_socks_proxy_is_asked_for_an_address_as_an_address(string host, string expected, int length)
    {
        await using var server = TestServer.Tls(_root.IssueServer(host.Trim('[', ']')));
        await using var proxy = new TestProxy(TestProxy.Steps((3, [5, 0]), (length, [5, 0, 0, 1, 127, 0, 0, 1, 0, 0])), server.Port);

        await GetAsync(server, $"socks5h://127.0.0.1:{proxy.Port}", host: host);

        proxy.Seen.Should().Equal("050100", expected);
    }

    [Theory]
    [InlineData(new byte[] { 5, 0, 0, 1, 1, 2, 3, 4, 5, 6 })]
    [InlineData(new byte[] { 5, 0, 0, 3, 4, 1, 2, 3, 4, 5, 6 })]
    [InlineData(new byte[] { 5, 0, 0, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18 })]
    public async Task A_socks_proxy_may_name_its_own_address_as_it_likes(byte[] reply)
    {
        await using var server = TestServer.Tls(_root.IssueServer(Name));
        await using var proxy = new TestProxy(TestProxy.Steps((3, [5, 0]), (4 + 1 + Name.Length + 2, reply)), server.Port);

        (await GetAsync(server, $"socks5://127.0.0.1:{proxy.Port}")).ServerName.Should().Be(Name);
    }

    [Fact]
    public async Task A_socks_proxy_may_ask_for_user_and_password_or_not()
    {
        await using var server = TestServer.Tls(_root.IssueServer(Name));
        byte[] done = [5, 0, 0, 1, 127, 0, 0, 1, 0, 0];
        await using var asking = new TestProxy(TestProxy.Steps((4, [5, 2]), (1 + 1 + 4 + 1 + 6, [1, 0]), (4 + 1 + Name.Length + 2, done)), server.Port);
        await using var other = new TestProxy(TestProxy.Steps((4, [5, 0]), (4 + 1 + Name.Length + 2, done)), server.Port);

        await GetAsync(server, $"socks5://jane:{Secret}@127.0.0.1:{asking.Port}");
        await GetAsync(server, $"socks5://jane:{Secret}@127.0.0.1:{other.Port}");

        asking.Seen.Take(2).Should().Equal("05020002", $"0104{Convert.ToHexString("jane"u8)}06{Convert.ToHexString("s3cr3t"u8)}");
        other.Seen.Should().HaveCount(2, "it did not ask");
    }

    [Theory]
    [InlineData(1, "general failure")]
    [InlineData(2, "not allowed by its rules")]
    [InlineData(3, "network unreachable")]
    [InlineData(4, "host unreachable")]
    [InlineData(5, "connection refused")]
    [InlineData(6, "TTL expired")]
    [InlineData(7, "command not supported")]
    [InlineData(8, "address type not supported")]
    [InlineData(99, "code 99")]
    public async Task A_socks_proxys_refusal_is_told(byte code, string reason)
    {
        await using var proxy = new TestProxy(TestProxy.Steps((3, [5, 0]), (4 + 1 + Name.Length + 2, [5, code, 0, 1, 0, 0, 0, 0, 0, 0]), (0, null)));

        (await FailureAsync($"socks5://127.0.0.1:{proxy.Port}")).Should()
            .Be($"Unable to connect to the server: the proxy socks5://127.0.0.1:{proxy.Port} (test): it refused to connect to {Name}:6443 ({reason})");
    }

    [Theory]
    [InlineData(false, new byte[] { 5, 2 }, "it asks for a user name and a password: write them into its address, as in socks5://user:password@host")]
    [InlineData(false, new byte[] { 5, 255 }, "it asks for a user name and a password: write them into its address, as in socks5://user:password@host")]
    [InlineData(true, new byte[] { 5, 255 }, "it takes neither a user name and a password nor nothing at all, and pf knows no other way to prove who asks")]
    [InlineData(true, new byte[] { 5, 1 }, "it takes neither a user name and a password nor nothing at all, and pf knows no other way to prove who asks")]
    [InlineData(false, new byte[] { 4, 0 }, "it does not speak SOCKS 5")]
    [InlineData(false, new byte[] { (byte)'H', (byte)'T' }, "it does not speak SOCKS 5")]
    [InlineData(false, new byte[] { 5 }, "it broke off the connection")]
    public async Task A_socks_proxys_answer_to_the_greeting_may_be_a_refusal(bool hasUser, byte[] answer, string message)
    {
        await using var proxy = new TestProxy(TestProxy.Steps((hasUser ? 4 : 3, answer), (0, null)));

        (await FailureAsync($"socks5://{(hasUser ? $"jane:{Secret}@" : "")}127.0.0.1:{proxy.Port}")).Should()
            .Be($"Unable to connect to the server: the proxy socks5://127.0.0.1:{proxy.Port} (test): {message}");
    }

    [Fact]
    public async Task A_wrong_password_for_a_socks_proxy_is_told_and_not_repeated()
    {
        await using var proxy = new TestProxy(TestProxy.Steps((4, [5, 2]), (13, [1, 1]), (0, null)));

        (await FailureAsync($"socks5://jane:{Secret}@127.0.0.1:{proxy.Port}")).Should().EndWith("(test): it refused the user name and the password in its address");
    }

    [Fact]
    public async Task A_socks_reply_that_is_none_is_told()
    {
        await using var proxy = new TestProxy(TestProxy.Steps((3, [5, 0]), (4 + 1 + Name.Length + 2, "HTTP"u8.ToArray()), (0, null)));

        (await FailureAsync($"socks5://127.0.0.1:{proxy.Port}")).Should().EndWith("(test): it does not speak SOCKS 5");
    }

    [Fact]
    public async Task Names_too_long_for_socks_are_told()
    {
        await using var proxy = new TestProxy(TestProxy.Steps((4, [5, 2]), (1, null)));

        (await FailureAsync($"socks5://{new string('j', 256)}:{Secret}@127.0.0.1:{proxy.Port}")).Should().EndWith("(test): SOCKS 5 takes names and passwords of 255 bytes at most");
    }

    [Theory]
    [InlineData("http")]
    [InlineData("socks5")]
    public async Task A_proxy_that_says_nothing_times_out_after_30_seconds(string scheme)
    {
        var heard = new TaskCompletionSource();
        var time = new FakeTimeProvider();
        await using var proxy = new TestProxy(TestProxy.Silent(heard));
        Task<Stream> dial = Dialer($"{scheme}://jane:{Secret}@127.0.0.1:{proxy.Port}", time).ConnectAsync(new Uri($"https://{Name}:6443/"), CancellationToken.None).AsTask();
        await heard.Task;

        time.Advance(TimeSpan.FromSeconds(29));
        dial.IsCompleted.Should().BeFalse();
        time.Advance(TimeSpan.FromSeconds(1));

        Func<Task> waiting = () => dial;
        (await waiting.Should().ThrowAsync<ClusterException>()).WithMessage($"Unable to connect to the server: the proxy {scheme}://127.0.0.1:{proxy.Port} (test): no answer within 30 s");
    }

    [Fact]
    public async Task A_dial_through_a_proxy_can_be_cancelled()
    {
        var heard = new TaskCompletionSource();
        using var cancelled = new CancellationTokenSource();
        await using var proxy = new TestProxy(TestProxy.Silent(heard));
        Func<Task> dial = async () => await Dialer($"http://127.0.0.1:{proxy.Port}", TimeProvider.System).ConnectAsync(new Uri($"https://{Name}:6443/"), cancelled.Token);
        Task ended = dial.Should().ThrowAsync<OperationCanceledException>();
        await heard.Task;

        await cancelled.CancelAsync();

        await ended;
    }

    [Fact]
    public async Task A_proxy_that_is_not_there_is_told()
    {
        int port;
        using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        }

        (await FailureAsync($"http://jane:{Secret}@127.0.0.1:{port}")).Should().StartWith($"Unable to connect to the server: the proxy http://127.0.0.1:{port} (test): dial tcp 127.0.0.1:{port}: ");
        (await FailureAsync($"http://jane:{Secret}@proxy.invalid:{port}", () => throw new SocketException((int)SocketError.HostNotFound))).Should()
            .Be($"Unable to connect to the server: the proxy http://proxy.invalid:{port} (test): dial tcp: lookup proxy.invalid: no such host");
    }

    public void Dispose() => _root.Dispose();

    private static async Task<string> FailureAsync(ServerDialer dialer)
    {
        Func<Task> dial = async () => await dialer.ConnectAsync(new Uri($"https://{Name}:6443/"), CancellationToken.None);
        ClusterException failure = (await dial.Should().ThrowAsync<ClusterException>()).Which;
        failure.IsVerbatim.Should().BeTrue();
        for (Exception? cause = failure; cause is not null; cause = cause.InnerException)
        {
            cause.Message.Should().NotContain(Secret);
        }

        return failure.Message;
    }

    private Task<string> FailureAsync(string proxy, Func<Task<IPAddress[]>>? lookUp = null) => FailureAsync(Dialer(proxy, TimeProvider.System, lookUp: lookUp));

    private async Task<SeenRequest> GetAsync(TestServer server, string proxy, ClientCertificate? certificate = null, string host = Name)
    {
        await using Stream stream = await Dialer(proxy, TimeProvider.System, certificate)
            .ConnectAsync(new Uri(string.Create(CultureInfo.InvariantCulture, $"https://{host}:6443/")), CancellationToken.None);
        await stream.WriteAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
        await stream.ReadExactlyAsync(new byte[TestServer.Ok().Length]);
        return server.Requests.Last();
    }

    private ServerDialer Dialer(string proxy, TimeProvider time, ClientCertificate? certificate = null, Func<Task<IPAddress[]>>? lookUp = null) => new()
    {
        Trust = ServerTrust.Pool(Encoding.UTF8.GetBytes(_root.Pem), "test"),
        Certificate = certificate,
        Proxy = ProxyAddress.Parse(proxy, "test"),
        Time = time,
        LookUp = (host, token) => lookUp is not null ? lookUp()
            : host == "127.0.0.1" ? Task.FromResult<IPAddress[]>([IPAddress.Loopback])
            : throw new InvalidOperationException($"{host} is for the proxy to look up"),
    };
}
