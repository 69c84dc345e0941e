using PortForward.Cluster.Authentication;
using PortForward.Cluster.Transport;
using PortForward.Tunnels;

namespace PortForward.Cluster.Connection;

/// <summary>
/// Requests to one API server with one user's credentials, all over HTTP/1.1: an upgrade needs it, and so the look-ups and the
/// first upgrade share one connection.
/// </summary>
internal sealed class ClusterConnection : IDisposable
{
    /// <summary>How many connections are kept open in advance unless told otherwise: as many as a browser opens for a page.</summary>
    public const int DefaultWarmConnections = 6;

    private readonly ClusterConfiguration _configuration;
    private readonly AuthenticatingHandler _handler;

    /// <summary>Guards the fields below it.</summary>
    private readonly Lock _gate = new();

    /// <summary>One for each client certificate that was used; those of old ones lapse, since nobody uses them.</summary>
    private readonly List<WarmConnections> _warm = [];
    private bool _keepsWarm;
    private bool _isDisposed;

    /// <summary>Prepares a connection; nothing is sent yet.</summary>
    public ClusterConnection(ClusterConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        _configuration = configuration;
        ServerAccess access = configuration.Access;
        _handler = new AuthenticatingHandler(access.Credentials, access.Impersonation, Connect, access.Owner, access.Time);
        Invoker = new HttpMessageInvoker(_handler);
    }

    /// <summary>The API server's base address, ending in a slash.</summary>
    public Uri Server => _configuration.Server;

    /// <summary>The namespace to look in.</summary>
    public string Namespace => _configuration.Namespace;

    /// <summary>How long a look-up or the opening of a tunnel may take; zero for no limit, null if nothing was said about it.</summary>
    public TimeSpan? RequestTimeout => _configuration.RequestTimeout;

    /// <summary>
    /// How many connections are kept open in advance once <see cref="KeepWarm"/> was called; <see cref="DefaultWarmConnections"/> unless set, 0 for none. Each saves a
    /// new tunnel two of its four round trips. They are kept for about two minutes after the last use of a connection, since the API server ends one that has carried no
    /// request after 32 s, and renewing them for ever would cost it handshakes. A use is an upgrade that no idle tunnel has saved.
    /// </summary>
    public int MaxWarmConnections { get; init; } = DefaultWarmConnections;

    /// <summary>Sends requests with the user's credentials. Set HTTP/1.1 on them. Failures are <see cref="HttpRequestException"/>s around a <see cref="ClusterException"/>.</summary>
    public HttpMessageInvoker Invoker { get; }

    /// <summary>Called when the credentials cannot be renewed, or are refused, and a login is needed; it must return soon.</summary>
    public Action<LoginNeeded>? OnLoginNeeded { get => _handler.OnLoginNeeded; set => _handler.OnLoginNeeded = value; }

    /// <summary>Counts the clients that wait for a source's pairs: for them credentials are renewed sooner after a failure, and a plug-in may ask for a login.</summary>
    /// <returns>The same source, to be used in its place.</returns>
    public ITunnelSource CountWaiting(ITunnelSource source) => _configuration.Access.Clients.Count(source);

    /// <summary>The port-forward resource of a pod.</summary>
    public Uri PortForwardUri(string @namespace, string pod) =>
        new(Server, $"api/v1/namespaces/{Uri.EscapeDataString(@namespace)}/pods/{Uri.EscapeDataString(pod)}/portforward");

    /// <summary>Begins to keep connections open in advance: the start is over, and the next thing to come is a client.</summary>
    public void KeepWarm()
    {
        lock (_gate)
        {
            _keepsWarm = true;
            _warm.ForEach(static warm => warm.Begin());
        }
    }

    /// <summary>Closes what is idle, and ends a credential plug-in that is still running. Tunnels that were opened live on.</summary>
    public void Dispose()
    {
        Invoker.Dispose();
        lock (_gate)
        {
            _isDisposed = true;
            _warm.ForEach(static warm => warm.Dispose());
        }
    }

    private HttpMessageHandler Connect(ClientCertificate? certificate)
    {
        ServerAccess access = _configuration.Access;
        var dialer = new ServerDialer
        {
            Trust = access.Trust,
            ServerName = access.ServerName,
            Certificate = certificate,
            Proxy = access.Proxy,
            Time = access.Time,
        };
        return HttpTransport.Create(dialer, access.Server, CreateWarm(dialer, access.Server));
    }

    /// <summary>Without TLS there is little to do in advance, and through a proxy there is nothing then.</summary>
    private WarmConnections? CreateWarm(ServerDialer dialer, Uri server)
    {
        if (MaxWarmConnections == 0 || server.Scheme != Uri.UriSchemeHttps)
        {
            return null;
        }

        lock (_gate)
        {
            if (_isDisposed)
            {
                return null;
            }

            var warm = new WarmConnections(dialer, server, MaxWarmConnections);
            _warm.Add(warm);
            if (_keepsWarm)
            {
                warm.Begin();
            }

            return warm;
        }
    }
}
