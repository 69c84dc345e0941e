using System.Globalization;
using System.Text;
using k8s;
using PortForward.Cluster;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Transport;

namespace PortForward.KubernetesClient;

/// <summary>Reads the official client's configuration as that client does, with the checks of <see cref="ServerTrust"/>.</summary>
internal static class ClientConfiguration
{
    private const string Owner = "the KubernetesClientConfiguration";

    /// <summary>The official client's time-out where nothing was said about it.</summary>
    private static readonly TimeSpan UsualTimeout = new KubernetesClientConfiguration().HttpClientTimeout;

    /// <summary>Carries a configuration over.</summary>
    /// <param name="configuration">The server and the user.</param>
    /// <param name="options">What goes before it.</param>
    /// <param name="environment">Where the program runs.</param>
    /// <exception cref="ClusterException">It is incomplete, contradicts itself, or cannot be carried over.</exception>
    /// <exception cref="ArgumentException">The options lead to a server or a user themselves.</exception>
    public static ClusterConfiguration Read(KubernetesClientConfiguration configuration, ClusterClientOptions options, LocalEnvironment environment)
    {
        ClusterOverrides overrides = options.AllOverrides;
        CheckOverrides(options);
        if (configuration.FirstMessageHandlerSetup is not null)
        {
            throw new ClusterException($"{Owner} has a FirstMessageHandlerSetup, and no forward uses the handler that it sets up: pass a configuration without it");
        }

        ServerAddress server = Server(configuration);
        var clients = new WaitingClients();
        var access = new ServerAccess
        {
            Server = server.Uri,
            Trust = Trust(configuration, server),
            ServerName = Text(configuration.TlsServerName),
            Proxy = ProxyEnvironment.Find(server.Uri, environment),
            Credentials = Credentials(configuration, server, clients, options.Time),
            Owner = Owner,
            Clients = clients,
            Impersonation = Impersonation.Resolve(user: null, overrides),
            Time = options.Time,
        };
        TimeSpan? timeout = overrides.RequestTimeout >= TimeSpan.Zero ? overrides.RequestTimeout : RequestTimeout(configuration);
        return new ClusterConfiguration(access, overrides.Namespace ?? Text(configuration.Namespace) ?? "default", timeout);
    }

    /// <summary>Refuses what would silently not count. Acting as another user does count: without it a program could do more than it was meant to.</summary>
    private static void CheckOverrides(ClusterClientOptions options)
    {
        var none = new ClusterOverrides();
        ClusterOverrides rest = options.Overrides with
        {
            Namespace = null,
            RequestTimeout = null,
            As = null,
            AsUid = null,
            AsGroups = none.AsGroups,
            AsUserExtra = none.AsUserExtra,
        };
        if (options.Kubeconfig is not null || options.Context is not null || options.InCluster || rest != none)
        {
            throw new ArgumentException(
                "The KubernetesClientConfiguration says which server and which user: of what else says so only Namespace, RequestTimeout and acting as another user count.",
                nameof(options));
        }
    }

    /// <summary>The server. User and password in the address are not used, as the official client does not use them.</summary>
    private static ServerAddress Server(KubernetesClientConfiguration configuration)
    {
        string host = Text(configuration.Host) ?? throw new ClusterException($"{Owner} has no Host");
        return host.Contains("://", StringComparison.Ordinal)
            ? ServerAddress.Parse(host)
            : throw new ClusterException($"the Host of {Owner} is no http or https URL");
    }

    private static ServerTrust Trust(KubernetesClientConfiguration configuration, ServerAddress server) =>
        !server.IsSecure ? ServerTrust.System
        : configuration.SkipTlsVerify ? ServerTrust.Insecure
        : configuration.SslCaCerts is { } authorities ? ServerTrust.Pool(Encoding.ASCII.GetBytes(authorities.ExportCertificatePems()), Owner)
        : ServerTrust.System;

    /// <summary>What proves who asks: nothing without TLS, since whoever listens on the way would learn it.</summary>
    private static ICredentialSource Credentials(
        KubernetesClientConfiguration configuration, ServerAddress server, WaitingClients clients, TimeProvider time)
    {
        ICredentialSource source = Authorization(configuration, clients, time);
        CertifiedCredentials? certified = Certified(source, configuration, time);
        return server.IsSecure ? certified ?? source : new FixedCredentials(Credential.None);
    }

    /// <summary>Where the Authorization header comes from, in the official client's order of precedence.</summary>
    private static ICredentialSource Authorization(KubernetesClientConfiguration configuration, WaitingClients clients, TimeProvider time) =>
        configuration.TokenProvider is { } provider ? new TokenProviderCredentials(provider, Owner, clients, time)
        : !string.IsNullOrEmpty(configuration.AccessToken) ? Fixed(Credential.Bearer(configuration.AccessToken, Owner))
        : !string.IsNullOrEmpty(configuration.Username) ? Fixed(Credential.Basic(configuration.Username, configuration.Password ?? ""))
        : new FixedCredentials(Credential.None);

    /// <summary>The client certificate beside the header; null if there is none.</summary>
    private static CertifiedCredentials? Certified(ICredentialSource source, KubernetesClientConfiguration configuration, TimeProvider time)
    {
        (string? file, byte[]? certificate) =
            Bytes(configuration.ClientCertificateFilePath, configuration.ClientCertificateData, "client certificate");
        (string? keyFile, byte[]? key) = Bytes(configuration.ClientKeyFilePath, configuration.ClientCertificateKeyData, "client certificate's key");
        if (certificate is null && key is null)
        {
            return null;
        }

        if (certificate is null || key is null)
        {
            throw new ClusterException(
                $"{Owner} has a client certificate{(key is null ? " without its key" : "'s key without the certificate")}: set both, or none of them");
        }

        (string, string)? files = file is not null && keyFile is not null ? (file, keyFile) : null;
        return new CertifiedCredentials(source, ClientCertificate.Load(certificate, key, Owner), files, Owner, time);
    }

    private static FixedCredentials Fixed(string authorization) => new(new Credential(authorization, certificate: null));

    /// <summary>What is in a file, which goes first, or in a text in base64.</summary>
    private static (string? File, byte[]? Content) Bytes(string? file, string? base64, string what)
    {
        if (Text(file) is { } path)
        {
            string full = Path.GetFullPath(path); // It is read again later, when the current folder may be another one.
            return (full, LocalFile.ReadAllBytes(full, $"the {what} of {Owner}"));
        }

        try
        {
            return Text(base64) is { } data ? (null, Convert.FromBase64String(data)) : default;
        }
        catch (FormatException e)
        {
            throw new ClusterException($"the {what} of {Owner} is no base64", e);
        }
    }

    /// <summary>The time-out; null if it has its default, which is that of the official client's own requests. Zero stands for none.</summary>
    private static TimeSpan? RequestTimeout(KubernetesClientConfiguration configuration)
    {
        TimeSpan timeout = configuration.HttpClientTimeout;
        return timeout == UsualTimeout ? null
            : timeout == Timeout.InfiniteTimeSpan ? TimeSpan.Zero
            : timeout > TimeoutRange.Longest ? TimeoutRange.Longest
            : timeout > TimeSpan.Zero ? timeout
            : throw new ClusterException(string.Create(CultureInfo.InvariantCulture, $"the HttpClientTimeout of {Owner} is {timeout}, in which nothing can be done"));
    }

    /// <summary>A text; null when it is missing or blank, which the official client treats alike.</summary>
    private static string? Text(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}
