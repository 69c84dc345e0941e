using System.Net;

namespace PortForward.Cluster.Tests.Client;

/// <summary>
/// HTTP_PROXY and HTTPS_PROXY are set: they concern the way to the API server, as for kubectl, and neither local ports nor what streams carry.
/// </summary>
public sealed class SurroundingProxyTests : ClusterClientTestBase
{
    private const string DeadProxy = "http://127.0.0.1:1";

    [Fact]
    public async Task A_server_on_this_machine_is_never_behind_a_proxy()
    {
        AddWeb("web-1");
        Home.Set("HTTP_PROXY", DeadProxy).Set("HTTPS_PROXY", DeadProxy);
        await using ClusterClient client = NewClient();

        await UseAsync(client);
    }

    [Fact]
    public async Task Another_server_is_reached_through_that_of_its_own_scheme()
    {
        AddWeb("web-1");
        await using var proxy = new TestProxy(TestProxy.Http(), Cluster.Server.Port);
        Home.Set("HTTP_PROXY", DeadProxy).Set("HTTPS_PROXY", $"http://127.0.0.1:{proxy.Port}");
        await using ClusterClient client = NewClient(new ClusterClientOptions { Overrides = new() { Server = "https://cluster.test", TlsServerName = "localhost" } });

        await UseAsync(client);

        proxy.Seen.Should().NotBeEmpty().And.OnlyContain(head => head.StartsWith("CONNECT cluster.test:443 HTTP/1.1\r\n", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_http_handler_that_uses_it_would_have_the_proxy_looked_for_in_the_cluster()
    {
        AddWeb("web-1");
        using var http = new HttpClient(new SocketsHttpHandler { Proxy = new WebProxy(DeadProxy), ConnectCallback = Client.ConnectCallback });

        (await http.Invoking(client => client.GetStringAsync("http://web/").Soon()).Should().ThrowAsync<HttpRequestException>())
            .Which.InnerException.Should().BeOfType<ClusterException>().Which.Message.Should().StartWith("\"127.0.0.1\" is no name of a service: ");
    }

    private static async Task UseAsync(ClusterClient client)
    {
        await using Forward forward = await client.ForwardAsync("svc/web", ":echo", ":http").Soon();
        await EchoOnceAsync(forward, "forwarded");
        using var direct = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        (await direct.GetStringAsync($"http://{forward.Host}:{forward.Ports[1].Local[0].Port}/").Soon()).Should().StartWith("host web-1 path /");

        await using (PodStream stream = await client.DialAsync("svc/web", "echo").Soon())
        {
            await EchoAsync(stream, "dialled");
        }

        using var inCluster = new HttpClient(new SocketsHttpHandler { UseProxy = false, ConnectCallback = client.ConnectCallback });
        (await inCluster.GetStringAsync("http://web/").Soon()).Should().StartWith("host web-1 path /");
    }
}
