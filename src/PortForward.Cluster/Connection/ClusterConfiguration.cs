using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Connection;

/// <summary>One API server and one user's way to it: what is left when flags, kubeconfig and environment have been put together.</summary>
internal sealed class ClusterConfiguration
{
    /// <summary>What is known already.</summary>
    /// <param name="access">The way to the server and the user.</param>
    /// <param name="namespace">The namespace to look in.</param>
    /// <param name="requestTimeout">The time-out; null if nothing was said about it.</param>
    internal ClusterConfiguration(ServerAccess access, string @namespace, TimeSpan? requestTimeout)
    {
        Access = access;
        Namespace = @namespace;
        RequestTimeout = requestTimeout;
    }

    /// <summary>The API server's base address, ending in a slash.</summary>
    public Uri Server => Access.Server;

    /// <summary>The namespace to look in.</summary>
    public string Namespace { get; }

    /// <summary>How long a look-up or the opening of a tunnel may take; zero for no limit, null if nothing was said about it.</summary>
    public TimeSpan? RequestTimeout { get; }

    internal ServerAccess Access { get; }

    /// <summary>Puts flags, kubeconfig and environment together, in this order of precedence.</summary>
    /// <param name="kubeconfig">The merged files.</param>
    /// <param name="overrides">The flags.</param>
    /// <param name="time">The clock by which credentials age and connections time out.</param>
    /// <param name="loggers">For diagnostics; none if null.</param>
    /// <exception cref="ClusterException">Something is missing, contradictory or unreadable.</exception>
    public static ClusterConfiguration Resolve(MergedKubeconfig kubeconfig, ClusterOverrides overrides, TimeProvider time, ILoggerFactory? loggers = null)
    {
        ArgumentNullException.ThrowIfNull(kubeconfig);
        ArgumentNullException.ThrowIfNull(overrides);
        return Resolve(kubeconfig, overrides, time, loggers ?? NullLoggerFactory.Instance, LocalEnvironment.Current);
    }

    internal static ClusterConfiguration Resolve(
        MergedKubeconfig kubeconfig, ClusterOverrides overrides, TimeProvider time, ILoggerFactory loggers, LocalEnvironment environment, bool inCluster = false)
    {
        Entry? context = FindContext(kubeconfig, overrides.Context);
        Entry? cluster = Find(overrides.Cluster, "cluster", context?.Text("cluster"), kubeconfig, kubeconfig.Cluster);
        Entry? user = Find(overrides.User, "auth info", context?.Text("user"), kubeconfig, kubeconfig.User);
        var pod = ServiceAccount.Find(environment);
        string? named = overrides.Server ?? cluster?.Text("server") ?? (inCluster ? null : environment.Variable("KUBERNETES_MASTER"));
        if (named is null && (overrides.Cluster ?? context?.Text("cluster")) is { } clusterName)
        {
            throw Entry.Invalid(cluster is null
                ? kubeconfig.WithMissing($"cluster \"{clusterName}\" was not found for context \"{context?.Name}\"")
                : $"no server found for cluster \"{clusterName}\"");
        }

        // In a pod its own cluster is meant, unless something else is named.
        ServiceAccount? own = named is null ? pod : null;
        var server = ServerAddress.Parse(named ?? own?.Server ?? throw Entry.Invalid(
            context is null ? kubeconfig.WhyNoServer : $"context \"{context.Name}\" names no cluster"));
        ProxyAddress? proxy = cluster?.Text("proxy-url") is { } proxyUrl
            ? ProxyAddress.Parse(proxyUrl, $"proxy-url of {cluster.Label}")
            : ProxyEnvironment.Find(server.Uri, environment);
        var trusted = TrustedServer.Resolve(server, cluster, own, overrides);
        if (overrides.OwnsProcess && !trusted.Trust.IsSystem && proxy is not { Kind: ProxyKind.Https } && user?.Mapping("auth-provider") is null)
        {
            SystemCertificates.LeaveOut();
        }

        var request = new CredentialRequest
        {
            Server = server,
            Cluster = cluster,
            Trusted = trusted,
            User = user,
            ServiceAccount = own,
            Overrides = overrides,
            Environment = environment,
            Clients = new WaitingClients(),
            Time = time,
            Loggers = loggers,
        };
        var access = new ServerAccess
        {
            Server = server.Uri,
            Trust = trusted.Trust,
            ServerName = trusted.Name,
            Proxy = proxy,
            Credentials = CredentialSources.Resolve(request),
            Owner = request.Owner,
            Clients = request.Clients,
            Impersonation = Impersonation.Resolve(user, overrides),
            Time = time,
        };
        return new ClusterConfiguration(
            access,
            overrides.Namespace ?? context?.Text("namespace") ?? pod?.Namespace() ?? "default",
            overrides.RequestTimeout is { } timeout && timeout >= TimeSpan.Zero ? timeout : null);
    }

    private static Entry? FindContext(MergedKubeconfig kubeconfig, string? flag)
    {
        if (flag is not null)
        {
            return kubeconfig.Context(flag) ?? throw new ClusterException($"context \"{flag}\" does not exist: {kubeconfig.Missing ?? "see the contexts in the kubeconfig"}");
        }

        return kubeconfig.CurrentContext is { } current
            ? kubeconfig.Context(current) ?? throw new ClusterException(kubeconfig.WithMissing($"Error in configuration: context was not found for specified context: {current} (the kubeconfig's current-context; use --context)")) { IsVerbatim = true }
            : null;
    }

    /// <summary>
    /// The entry that a flag names, which must exist, or that the context names, which for kubectl need not: flags may say all that is needed.
    /// </summary>
    private static Entry? Find(string? flag, string kind, string? inContext, MergedKubeconfig kubeconfig, Func<string, Entry?> find) =>
        flag is not null ? find(flag) ?? throw new ClusterException(kubeconfig.WithMissing($"{kind} \"{flag}\" does not exist in the kubeconfig"))
        : inContext is not null ? find(inContext)
        : null;
}
