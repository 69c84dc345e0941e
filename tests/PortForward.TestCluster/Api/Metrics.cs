namespace PortForward.Testing.Api;

/// <summary>The counts since the start as Prometheus reads them, for programs that run beside the cluster: <c>kubectl get --raw /metrics</c>.</summary>
internal static class Metrics
{
    public static string Write(Activity activity) =>
        Counter("api_connections_accepted_total", "Connections that the API server has accepted.", activity.ApiConnectionsAccepted)
        + Counter("tls_handshakes_total", "TLS handshakes with the API server that succeeded.", activity.TlsHandshakes)
        + Counter("tunnels_opened_total", "Upgraded connections to pods.", activity.TunnelsOpened)
        + Counter("pod_connections_opened_total", "Connections to applications in pods.", activity.ConnectionsOpened);

    private static string Counter(string name, string help, int value) =>
        $"# HELP test_cluster_{name} {help}\n# TYPE test_cluster_{name} counter\ntest_cluster_{name} {value}\n";
}
