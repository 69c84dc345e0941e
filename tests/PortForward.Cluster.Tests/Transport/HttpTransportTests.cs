using System.Net;
using System.Text;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Transport;

public sealed class HttpTransportTests : IDisposable
{
    private const string Server = "http://api.inside.invalid:8080/prefix/";
    private const string Secret = "s3cr3t";

    private readonly TestAuthority _root = new();

    [Fact]
    public async Task An_http_server_behind_an_http_proxy_is_asked_for_with_its_whole_address()
    {
        await using var proxy = new TestServer();
        using HttpMessageInvoker http = Create($"http://jane:{Secret}@127.0.0.1:{proxy.Port}");

        (await GetAsync(http, "version?a=b")).Should().Be("200 ok");
        (await GetAsync(http, "api")).Should().Be("200 ok");

        proxy.Requests.Select(request => request.Lines[0]).Should().Equal("GET http://api.inside.invalid:8080/prefix/version?a=b HTTP/1.1", "GET http://api.inside.invalid:8080/prefix/api HTTP/1.1");
        foreach (SeenRequest seen in proxy.Requests)
        {
            seen.Connection.Should().Be(1);
            seen.Values("Host").Should().Equal("api.inside.invalid:8080");
            seen.Values("Proxy-Authorization").Should().Equal($"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"jane:{Secret}"))}");
        }
    }

    [Fact]
    public async Task The_same_goes_for_an_https_proxy()
    {
        await using var proxy = TestServer.Tls(_root.IssueServer("127.0.0.1"));
        using HttpMessageInvoker http = Create($"https://127.0.0.1:{proxy.Port}");

        (await GetAsync(http, "version")).Should().Be("200 ok");

        proxy.Requests.Single().Lines[0].Should().Be("GET http://api.inside.invalid:8080/prefix/version HTTP/1.1");
        proxy.Requests.Single().Values("Proxy-Authorization").Should().BeEmpty();
    }

    [Fact]
    public async Task Through_a_socks_proxy_the_server_is_spoken_to_itself()
    {
        await using var server = new TestServer();
        await using var proxy = new TestProxy(TestProxy.Steps((3, [5, 0]), (4 + 1 + "api.inside.invalid".Length + 2, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0])), server.Port);
        using HttpMessageInvoker http = Create($"socks5://127.0.0.1:{proxy.Port}");

        (await GetAsync(http, "version")).Should().Be("200 ok");

        server.Requests.Single().Lines[0].Should().Be("GET /prefix/version HTTP/1.1");
    }

    [Fact]
    public async Task A_proxy_that_asks_for_a_password_is_told_from_the_server()
    {
        await using var proxy = new TestServer(_ => TestServer.Status(407, "Proxy-Authenticate: Basic realm=\"x\"\r\n"));
        using HttpMessageInvoker http = Create($"http://jane:{Secret}@127.0.0.1:{proxy.Port}");
        Func<Task> get = () => GetAsync(http, "version");

        HttpRequestException failure = (await get.Should().ThrowAsync<HttpRequestException>()).Which;

        failure.InnerException.Should().BeOfType<ClusterException>().Which.Message.Should().Be(
            $"Unable to connect to the server: the proxy http://127.0.0.1:{proxy.Port} (test): it asks for a user name and a password (407): write those it takes into its address, as in http://user:password@host");
        failure.ToString().Should().NotContain(Secret);
    }

    [Fact]
    public async Task An_upgrade_goes_through_a_proxy_too()
    {
        await using var proxy = new TestServer(_ => "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello");
        using HttpMessageInvoker http = Create($"http://127.0.0.1:{proxy.Port}");
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(new Uri(Server), "upgrade"))
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "x");

        using HttpResponseMessage response = await http.SendAsync(request, CancellationToken.None);

        response.StatusCode.Should().Be(HttpStatusCode.SwitchingProtocols);
        await using Stream stream = await response.Content.ReadAsStreamAsync();
        stream.CanWrite.Should().BeTrue();
        byte[] hello = new byte[5];
        await stream.ReadExactlyAsync(hello);
        Encoding.UTF8.GetString(hello).Should().Be("hello");
    }

    [Fact]
    public async Task Redirections_and_cookies_are_not_followed_and_not_kept()
    {
        await using var server = new TestServer(_ => TestServer.Status(302, "Location: http://elsewhere.invalid/\r\nSet-Cookie: a=b\r\n"));
        using HttpMessageInvoker http = new(HttpTransport.Create(new ServerDialer { Trust = ServerTrust.System, Time = TimeProvider.System }, new Uri($"http://127.0.0.1:{server.Port}/")));

        (await GetAsync(http, $"http://127.0.0.1:{server.Port}/a")).Should().Be("302 ");
        (await GetAsync(http, $"http://127.0.0.1:{server.Port}/b")).Should().Be("302 ");

        server.Requests.Should().HaveCount(2).And.OnlyContain(request => !request.Values("Cookie").Any());
    }

    public void Dispose() => _root.Dispose();

    private static async Task<string> GetAsync(HttpMessageInvoker http, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(new Uri(Server), path));
        using HttpResponseMessage response = await http.SendAsync(request, CancellationToken.None);
        return $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}";
    }

    private HttpMessageInvoker Create(string proxy) => new(HttpTransport.Create(
        new ServerDialer { Trust = ServerTrust.Pool(Encoding.UTF8.GetBytes(_root.Pem), "test"), Proxy = ProxyAddress.Parse(proxy, "test"), Time = TimeProvider.System },
        new Uri(Server)));
}
