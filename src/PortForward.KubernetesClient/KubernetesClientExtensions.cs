using System.Diagnostics.CodeAnalysis;
using k8s;
using PortForward.Cluster;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;

namespace PortForward.KubernetesClient;

/// <summary>Port forwards and streams for programs that use the official Kubernetes client.</summary>
/// <example>
/// <code>
/// var configuration = KubernetesClientConfiguration.BuildDefaultConfig();
/// await using ClusterClient cluster = configuration.ToClusterClient();
/// await using Forward db = await cluster.ForwardAsync("svc/postgres", ":5432");
/// await using Stream cache = await cluster.DialAsync("svc/redis", "6379");
/// </code>
/// </example>
[SuppressMessage("ApiDesign", "RS0026:Do not add multiple public overloads with optional parameters", Justification = "They extend different types.")]
public static class KubernetesClientExtensions
{
    /// <summary>
    /// A client for the server and the user of a configuration, which is read now: what changes in it later does not count. Nothing is sent yet.
    /// </summary>
    /// <remarks>
    /// <para>
    /// The server's certificate must bear the host's name, or <see cref="KubernetesClientConfiguration.TlsServerName"/>, also where there are
    /// <see cref="KubernetesClientConfiguration.SslCaCerts"/>, and then no other authority is trusted. Only
    /// <see cref="KubernetesClientConfiguration.SkipTlsVerify"/> leaves the checks out. Over plain http no credentials are sent, as by kubectl.
    /// </para>
    /// <para>
    /// The <see cref="KubernetesClientConfiguration.TokenProvider"/> is asked for each request, and once more after a 401; after it has failed it is left
    /// alone for 10 s, and ever longer. Certificates in files are read again once they change. A proxy is that of the environment (HTTPS_PROXY,
    /// HTTP_PROXY, NO_PROXY), as for kubectl. <see cref="KubernetesClientConfiguration.HttpClientTimeout"/> counts unless it has its default.
    /// </para>
    /// <para>
    /// <see cref="KubernetesClientConfiguration.FirstMessageHandlerSetup"/> sets up a handler that no forward uses, so a configuration with one is refused.
    /// The user agent, HTTP/2, JSON options and key storage flags have no meaning here.
    /// </para>
    /// </remarks>
    /// <param name="configuration">The server and the user.</param>
    /// <param name="options">
    /// How; the usual options if null. Namespace and time-out go before those of the configuration, and acting as another user counts; whatever else leads
    /// to a server or a user is refused.
    /// </param>
    /// <exception cref="ClusterException">The configuration is incomplete or cannot be carried over; the message says why, in one sentence.</exception>
    /// <exception cref="ArgumentException">An option makes no sense, or leads to a kubeconfig.</exception>
    public static ClusterClient ToClusterClient(this KubernetesClientConfiguration configuration, ClusterClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        options ??= new ClusterClientOptions();
        return ClusterClient.Create(ClientConfiguration.Read(configuration, options, LocalEnvironment.Current), options);
    }

    /// <summary>
    /// A client for the server of an official client, as the user of the configuration that it was made from. Each lives on without the other.
    /// </summary>
    /// <remarks>
    /// An <see cref="IKubernetes"/> alone cannot be asked for its certificates, so the configuration is needed. Handlers that it was made with see nothing of
    /// the forwards. For the rest see <see cref="ToClusterClient(KubernetesClientConfiguration, ClusterClientOptions)"/>.
    /// </remarks>
    /// <param name="client">The official client.</param>
    /// <param name="configuration">The configuration that it was made from.</param>
    /// <param name="options">How; the usual options if null.</param>
    /// <exception cref="ClusterException">The configuration is incomplete or cannot be carried over; the message says why, in one sentence.</exception>
    /// <exception cref="ArgumentException">The client and the configuration are for different servers, or an option makes no sense.</exception>
    public static ClusterClient ToClusterClient(this IKubernetes client, KubernetesClientConfiguration configuration, ClusterClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(configuration);
        options ??= new ClusterClientOptions();
        ClusterConfiguration read = ClientConfiguration.Read(configuration, options, LocalEnvironment.Current);
        Uri server = ServerAddress.Parse(client.BaseUri.AbsoluteUri).Uri;
        return server == read.Server
            ? ClusterClient.Create(read, options)
            : throw new ArgumentException(
                $"The client is for {server} and the configuration for {read.Server}: pass the one that the client was made from.", nameof(configuration));
    }
}
