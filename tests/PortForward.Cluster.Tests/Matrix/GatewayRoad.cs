using PortForward.Testing;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>Ways to the API server that lead through a real gateway.</summary>
internal static class GatewayRoad
{
    public const string Nginx = "nginx", HaproxyHttp = "haproxy, mode http", HaproxyTcp = "haproxy, mode tcp";

    /// <summary>Which upgrades an nginx passes on; <see cref="NoUpgrade"/> is one whose configuration says nothing about them.</summary>
    public const string EveryUpgrade = "every upgrade", WebSocketOnly = "websocket only", SpdyOnly = "SPDY only", NoUpgrade = "no upgrade";

    private const string Mark = "X-Passed-By";

    public static readonly string[] All = [Nginx, HaproxyHttp, HaproxyTcp];

    /// <summary>Opens a road that lets every upgrade pass.</summary>
    /// <param name="name">One of <see cref="All"/>.</param>
    /// <param name="idleLimit">After how many seconds the gateway cuts what is idle.</param>
    public static Task<Road> OpenAsync(string name, int idleLimit = 60) => name switch
    {
        Nginx => OpenNginxAsync(EveryUpgrade, idleLimit),
        HaproxyHttp => OpenHaproxyAsync(isHttp: true, idleLimit),
        HaproxyTcp => OpenHaproxyAsync(isHttp: false, idleLimit),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "There is no such gateway."),
    };

    /// <summary>An nginx that ends TLS and serves the API below a path, as one before several clusters does.</summary>
    /// <param name="passes">Which upgrades it passes on.</param>
    /// <param name="idleLimit">After how many seconds it cuts what is idle.</param>
    public static async Task<Road> OpenNginxAsync(string passes, int idleLimit = 60)
    {
        TestCluster cluster = await TestCluster.StartAsync();
        string map = passes switch
        {
            EveryUpgrade => "default $http_upgrade;",
            WebSocketOnly => "default ''; websocket $http_upgrade;",
            SpdyOnly => "default ''; SPDY/3.1 $http_upgrade;",
            _ => "default '';",
        };
        string upgrades = passes == NoUpgrade ? "" :
            """
            proxy_http_version 1.1;
            proxy_set_header Upgrade $passed_upgrade;
            proxy_set_header Connection $passed_connection;
            """;
        Gateway gateway = await Gateway.StartNginxAsync(
            $$"""
            map $http_upgrade $passed_upgrade { {{map}} }
            map $passed_upgrade $passed_connection { default upgrade; '' close; }
            server {
              listen 127.0.0.1:PORT ssl;
              location /clusters/one/ {
                proxy_pass {{cluster.Server}};
                proxy_buffering off;
                proxy_read_timeout {{idleLimit}}s;
                proxy_set_header {{Mark}} nginx;
                {{upgrades}}
              }
            }
            """);
        return new Road(cluster, KubeconfigText.Of(cluster, $"https://127.0.0.1:{gateway.Port}/clusters/one", gateway.AuthorityPem), gateway, () => CheckCame(cluster, "nginx"));
    }

    /// <summary>A haproxy that understands HTTP and ends TLS, or one that copies bytes.</summary>
    private static async Task<Road> OpenHaproxyAsync(bool isHttp, int idleLimit)
    {
        TestCluster cluster = await TestCluster.StartAsync();
        Gateway gateway = await Gateway.StartHaproxyAsync(
            $"""
            defaults
              mode {(isHttp ? "http" : "tcp")}
              timeout connect 5s
              timeout client {idleLimit}s
              timeout server {idleLimit}s
              timeout tunnel {idleLimit}s
            frontend entrance
              bind 127.0.0.1:PORT {(isHttp ? "ssl crt CERTIFICATE" : "")}
              default_backend api
            backend api
              {(isHttp ? $"http-request set-header {Mark} haproxy" : "")}
              server one 127.0.0.1:{cluster.Server.Port} {(isHttp ? "ssl verify none" : "")}

            """);
        return new Road(cluster, KubeconfigText.Of(cluster, $"https://127.0.0.1:{gateway.Port}", isHttp ? gateway.AuthorityPem : null), gateway, () => CheckCame(cluster, isHttp ? "haproxy" : null));
    }

    /// <summary>A gateway that understands HTTP marks what it passes on; of one that copies bytes only the port in the kubeconfig tells.</summary>
    private static void CheckCame(TestCluster cluster, string? mark) =>
        cluster.Requests.Should().NotBeEmpty().And.OnlyContain(request => mark == null || request.Headers[Mark].Contains(mark, StringComparer.Ordinal));
}
