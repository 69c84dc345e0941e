using PortForward.Cluster.Authentication;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Kubeconfig;

/// <summary>One API server and one user's way to it: what is left when flags and kubeconfig have been put together.</summary>
public sealed class ClusterConfiguration
{
    private const string DefaultServer = "http://localhost:8080";

    private ClusterConfiguration(Uri server, string @namespace, ServerTrust trust, string? tlsServerName, Credentials credentials, TimeSpan? requestTimeout)
    {
        Server = server;
        Namespace = @namespace;
        Trust = trust;
        TlsServerName = tlsServerName;
        Credentials = credentials;
        RequestTimeout = requestTimeout;
    }

    /// <summary>The API server's base address, ending in a slash.</summary>
    public Uri Server { get; }

    /// <summary>The namespace to look in.</summary>
    public string Namespace { get; }

    /// <summary>How long a look-up or the opening of a tunnel may take; null for no limit of its own.</summary>
    public TimeSpan? RequestTimeout { get; }

    internal ServerTrust Trust { get; }

    internal string? TlsServerName { get; }

    internal Credentials Credentials { get; }

    /// <summary>Puts flags and kubeconfig together; flags go first.</summary>
    /// <param name="kubeconfig">The merged files.</param>
    /// <param name="overrides">The flags.</param>
    /// <param name="time">The clock by which credentials age.</param>
    /// <exception cref="ClusterException">Something is missing, contradictory or unreadable.</exception>
    public static ClusterConfiguration Resolve(MergedKubeconfig kubeconfig, ClusterOverrides overrides, TimeProvider time)
    {
        Entry? context = null;
        if ((overrides.Context ?? kubeconfig.CurrentContext) is { } contextName)
        {
            context = kubeconfig.Context(contextName)
                ?? throw new ClusterException($"context \"{contextName}\" does not exist: see the contexts in the kubeconfig, or use --context");
        }

        Entry? cluster = Named(overrides.Cluster, "cluster", kubeconfig.Cluster);
        Entry? user = Named(overrides.User, "user", kubeconfig.User);
        bool insecure = overrides.InsecureSkipTlsVerify || (overrides.CertificateAuthority is null && cluster?.Flag("insecure-skip-tls-verify") == true);
        byte[]? authority = overrides.CertificateAuthority is { } path ? LocalFile.ReadAllBytes(path, "--certificate-authority")
            : overrides.InsecureSkipTlsVerify ? null
            : cluster?.Bytes("certificate-authority");
        if (insecure && authority is not null)
        {
            throw new ClusterException("specifying a root certificates file with the insecure flag is not allowed: leave out one of certificate-authority and insecure-skip-tls-verify");
        }

        ServerTrust trust = insecure ? ServerTrust.Insecure
            : authority is not null ? ServerTrust.Pool(authority, cluster?.Label ?? "--certificate-authority")
            : ServerTrust.System;
        return new ClusterConfiguration(
            ParseServer(overrides.Server ?? cluster?.Text("server") ?? DefaultServer),
            overrides.Namespace ?? context?.Text("namespace") ?? "default",
            trust,
            overrides.TlsServerName ?? cluster?.Text("tls-server-name"),
            Credentials.Resolve(user, overrides, time),
            overrides.RequestTimeout is { } timeout && timeout > TimeSpan.Zero ? timeout : null);

        Entry? Named(string? flag, string kind, Func<string, Entry?> find) => (flag ?? context?.Text(kind)) is { } name
            ? find(name) ?? throw new ClusterException($"{kind} \"{name}\" does not exist in the kubeconfig")
            : null;
    }

    /// <summary>Reads a server's address; without a scheme it is http for localhost:8080 only, as in client-go, and https otherwise.</summary>
    private static Uri ParseServer(string text)
    {
        string withScheme = text.Contains("://", StringComparison.Ordinal) ? text : $"https://{text}";
        return Uri.TryCreate(withScheme.TrimEnd('/') + "/", UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw new ClusterException($"the server address \"{text}\" is no http or https URL");
    }
}
