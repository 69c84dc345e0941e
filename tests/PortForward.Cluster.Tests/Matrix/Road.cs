using System.Text;
using PortForward.Cluster.Tests.Transport;
using PortForward.Testing;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>A way to the API server: the cluster, what stands before it, and the kubeconfig that leads there.</summary>
internal sealed class Road : IAsyncDisposable
{
    /// <summary>The roads that need nothing but this process.</summary>
    public static readonly string[] All = ["plain TLS", "mTLS", "tls-server-name", "http proxy", "https proxy", "socks5", "path prefix"];

    /// <summary>A name that leads nowhere, except for a proxy that knows it: whatever comes by another way does not come.</summary>
    private const string Name = "api.inside.invalid";

    private const string Prefix = "/clusters/one";

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
        bool isNamed = name is "tls-server-name" or "http proxy" or "https proxy" or "socks5";
        var usual = new TestClusterOptions();
        TestCluster cluster = await TestCluster.StartAsync(new TestClusterOptions
        {
            PathPrefix = name == "path prefix" ? Prefix : "",
            CertificateNames = isNamed ? [Name] : usual.CertificateNames,
        });
        string server = cluster.Server.ToString().TrimEnd('/');
        switch (name)
        {
            case "plain TLS":
                return new Road(cluster, KubeconfigText.Of(cluster, server), before: null, () =>
                    cluster.Requests.Should().NotBeEmpty().And.OnlyContain(request => request.Headers.ContainsKey("Authorization") && request.Status != 401));

            case "mTLS":
                return new Road(cluster, KubeconfigText.Of(cluster, server, withCertificate: true), before: null, () =>
                    cluster.Requests.Should().NotBeEmpty().And.OnlyContain(request => !request.Headers.ContainsKey("Authorization") && request.User == "admin"));

            case "tls-server-name":
                // The address is not in the certificate: without the name nothing comes.
                return new Road(cluster, KubeconfigText.Of(cluster, server, serverName: Name), before: null, () => cluster.Requests.Should().NotBeEmpty());

            case "path prefix":
                return new Road(cluster, KubeconfigText.Of(cluster, server + Prefix), before: null, () =>
                    cluster.Requests.Should().NotBeEmpty().And.OnlyContain(request => request.PathPrefix == Prefix));

            case "http proxy":
                var http = new TestProxy(TestProxy.Http(), cluster.Server.Port);
                return new Road(
                    cluster,
                    KubeconfigText.Of(cluster, $"https://{Name}:6443", proxy: $"http://jane:secret@127.0.0.1:{http.Port}"),
                    http,
                    () => CheckProxy(cluster, http, $"CONNECT {Name}:6443 HTTP/1.1\r\nHost: {Name}:6443\r\nUser-Agent: pf\r\nProxy-Authorization: Basic amFuZTpzZWNyZXQ=\r\n\r\n"));

            case "https proxy":
                // As in Go, the cluster's authorities may vouch for the proxy too.
                using (var authority = new TestAuthority())
                {
                    var https = new TestProxy(TestProxy.Http(), cluster.Server.Port, TestServer.Options(authority.IssueServer("127.0.0.1")));
                    return new Road(
                        cluster,
                        KubeconfigText.Of(cluster, $"https://{Name}:6443", $"{cluster.AuthorityPem}\n{authority.Pem}\n", proxy: $"https://127.0.0.1:{https.Port}"),
                        https,
                        () => CheckProxy(cluster, https, $"CONNECT {Name}:6443 HTTP/1.1\r\nHost: {Name}:6443\r\nUser-Agent: pf\r\n\r\n"));
                }

            case "socks5":
                // The greeting, then the request for a name and a port (RFC 1928, sections 3 and 4).
                string request = $"05010003{Name.Length:X2}{Convert.ToHexString(Encoding.ASCII.GetBytes(Name))}192B";
                var socks = new TestProxy(TestProxy.Steps((3, [5, 0]), (request.Length / 2, [5, 0, 0, 1, 127, 0, 0, 1, 0, 0])), cluster.Server.Port);
                return new Road(
                    cluster, KubeconfigText.Of(cluster, $"https://{Name}:6443", proxy: $"socks5://127.0.0.1:{socks.Port}"), socks, () => CheckProxy(cluster, socks, "050100", request));

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

    private static void CheckProxy(TestCluster cluster, TestProxy proxy, params string[] handshake)
    {
        cluster.Requests.Should().NotBeEmpty();
        proxy.Seen.Distinct(StringComparer.Ordinal).Should().BeEquivalentTo(handshake, "nothing else is asked of the proxy, and by nobody else");
        cluster.Requests.Select(request => request.ConnectionId).Distinct(StringComparer.Ordinal).Count()
            .Should().BeInRange(1, proxy.Seen.Count(message => message == handshake[^1]), "every connection to the server begins with a handshake with the proxy");
    }
}
