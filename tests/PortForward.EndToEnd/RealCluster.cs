using System.Globalization;
using System.Text;
using k8s;

namespace PortForward.EndToEnd;

/// <summary>The real cluster that KUBECONFIG names, by the official client.</summary>
internal static class RealCluster
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(100);

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private static readonly Lazy<Kubernetes> Lazily = new(() => new Kubernetes(Configuration));

    /// <summary>What the kubeconfig says.</summary>
    public static KubernetesClientConfiguration Configuration => KubernetesClientConfiguration.BuildDefaultConfig();

    /// <summary>The official client, with which the tests change the cluster.</summary>
    public static Kubernetes Client => Lazily.Value;

    /// <summary>The API server's address.</summary>
    public static Uri Server => new(Configuration.Host);

    /// <summary>Reads what is no object.</summary>
    /// <exception cref="HttpRequestException">It cannot be read.</exception>
    public static async Task<string> GetTextAsync(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Client.BaseUri, path));
        await (Client.Credentials?.ProcessHttpRequestAsync(request, CancellationToken.None) ?? Task.CompletedTask);
        using HttpResponseMessage response = await Client.HttpClient.SendAsync(request);
        return await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync();
    }

    /// <summary>Waits until the cluster is as it is to be. A server that is being restarted is waited for too.</summary>
    /// <exception cref="TimeoutException">It did not become so.</exception>
    public static async Task UntilAsync(string what, Func<Task<bool>> isSo)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!await IsSoAsync())
        {
            if (limit.IsCancellationRequested)
            {
                throw new TimeoutException(string.Create(CultureInfo.InvariantCulture, $"After {Limit.TotalSeconds:0} s still not: {what}."));
            }

            await Task.Delay(Interval);
        }

        async Task<bool> IsSoAsync()
        {
            try
            {
                return await isSo();
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }
    }

    /// <summary>A kubeconfig for the same server and another user.</summary>
    public static string Kubeconfig(string token)
    {
        KubernetesClientConfiguration server = Configuration;
        var yaml = new StringBuilder($"""
            apiVersion: v1
            kind: Config
            current-context: other
            contexts:
            - name: other
              context:
                cluster: real
                user: other
            users:
            - name: other
              user:
                token: {token}
            clusters:
            - name: real
              cluster:
                server: {server.Host}
                insecure-skip-tls-verify: {(server.SkipTlsVerify ? "true" : "false")}

            """);
        if (server.SslCaCerts is { } authorities)
        {
            string pem = authorities.ExportCertificatePems();
            yaml.AppendLine(CultureInfo.InvariantCulture, $"    certificate-authority-data: {Convert.ToBase64String(Encoding.ASCII.GetBytes(pem))}");
        }

        if (server.TlsServerName is { Length: > 0 } name)
        {
            yaml.AppendLine(CultureInfo.InvariantCulture, $"    tls-server-name: {name}");
        }

        return yaml.ToString();
    }
}
