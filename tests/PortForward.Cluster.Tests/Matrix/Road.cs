using PortForward.Cluster.Tests.Transport;
using PortForward.Testing;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>A way to the API server: the cluster, what stands before it, and the kubeconfig that leads there.</summary>
internal sealed class Road : IAsyncDisposable
{
    /// <summary>The roads that need nothing but this process.</summary>
    public static readonly string[] All = ["plain TLS", "mTLS", "http proxy", "https proxy", "socks5", "path prefix"];

    private readonly IAsyncDisposable? _before;
    private readonly Action _check;

    /// <summary>Creates a road.</summary>
    /// <param name="cluster">The cluster at its end.</param>
    /// <param name="kubeconfig">What leads there.</param>
    /// <param name="before">What stands before the cluster, if anything does.</param>
    /// <param name="check">Fails when the requests that reached the cluster did not come this way.</param>
    public Road(TestCluster cluster, string kubeconfig, IAsyncDisposable? before, Action check)
    {
        Cluster = cluster;
        Kubeconfig = kubeconfig;
        _before = before;
        _check = check;
    }

    public TestCluster Cluster { get; }

    public string Kubeconfig { get; }

    public static async Task<Road> OpenAsync(string name)
    {
        const string Prefix = "/clusters/one";
        TestCluster cluster = await TestCluster.StartAsync(new TestClusterOptions { PathPrefix = name == "path prefix" ? Prefix : "" });
        string server = cluster.Server.ToString().TrimEnd('/');
        switch (name)
        {
            case "plain TLS":
                return new Road(cluster, KubeconfigText.Of(cluster, server), before: null, () =>
                    cluster.Requests.Should().NotBeEmpty().And.OnlyContain(request => request.Headers.ContainsKey("Authorization") && request.Status != 401));

            case "mTLS":
                return new Road(cluster, KubeconfigText.Of(cluster, server, withCertificate: true), before: null, () =>
                    cluster.Requests.Should().NotBeEmpty().And.OnlyContain(request => !request.Headers.ContainsKey("Authorization") && request.User == "admin"));

            case "path prefix":
                return new Road(cluster, KubeconfigText.Of(cluster, server + Prefix), before: null, () =>
                    cluster.Requests.Should().NotBeEmpty().And.OnlyContain(request => request.PathPrefix == Prefix));

            case "http proxy":
                var http = new TestProxy(TestProxy.Http(), cluster.Server.Port);
                return new Road(cluster, KubeconfigText.Of(cluster, server, proxy: $"http://127.0.0.1:{http.Port}"), http, () => CheckProxy(cluster, http, messages: 1));

            case "https proxy":
                // As in Go, the cluster's authorities may vouch for the proxy too.
                using (var authority = new TestAuthority())
                {
                    var https = new TestProxy(TestProxy.Http(), cluster.Server.Port, TestServer.Options(authority.IssueServer("127.0.0.1")));
                    return new Road(
                        cluster,
                        KubeconfigText.Of(cluster, server, $"{cluster.AuthorityPem}\n{authority.Pem}\n", proxy: $"https://127.0.0.1:{https.Port}"),
                        https,
                        () => CheckProxy(cluster, https, messages: 1));
                }

            case "socks5":
                // The greeting, then the request for an IPv4 address and a port (RFC 1928, sections 3 and 4).
                var socks = new TestProxy(TestProxy.Steps((3, [5, 0]), (10, [5, 0, 0, 1, 127, 0, 0, 1, 0, 0])), cluster.Server.Port);
                return new Road(cluster, KubeconfigText.Of(cluster, server, proxy: $"socks5://127.0.0.1:{socks.Port}"), socks, () => CheckProxy(cluster, socks, messages: 2));

            default:
                throw new ArgumentOutOfRangeException(nameof(name), name, "There is no such road.");
        }
    }

    /// <summary>Fails when the requests that reached the cluster did not come this way.</summary>
    public void Check() => _check();

    public async ValueTask DisposeAsync()
    {
        if (_before is not null)
        {
            await _before.DisposeAsync();
        }

        await Cluster.DisposeAsync();
    }

    private static void CheckProxy(TestCluster cluster, TestProxy proxy, int messages) =>
        cluster.Requests.Select(request => request.ConnectionId).Distinct(StringComparer.Ordinal).Count()
            .Should().BeInRange(1, proxy.Seen.Count / messages, "every connection to the server begins with a handshake with the proxy");
}
