using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PortForward.WebSockets;

namespace PortForward.Tunnels;

/// <summary>
/// Dials tunnels as SPDY/3.1 inside a WebSocket, subprotocol <c>SPDY/3.1+portforward.k8s.io</c> (Kubernetes 1.31 and later).
/// </summary>
internal sealed class WebSocketTunnelDialer : ITunnelDialer
{
    /// <summary>The subprotocol of the tunnel.</summary>
    public const string Subprotocol = "SPDY/3.1+portforward.k8s.io";

    private readonly HttpMessageInvoker _invoker;
    private readonly Uri _portForwardUri;
    private readonly TunnelDialOptions _options;
    private readonly ILogger _logger;

    /// <summary>Creates a dialer for one pod.</summary>
    /// <param name="invoker">Sends requests with the user's credentials over HTTP/1.1; it stays the caller's.</param>
    /// <param name="portForwardUri">The pod's port-forward resource, <c>…/api/v1/namespaces/NAMESPACE/pods/POD/portforward</c>.</param>
    /// <param name="options">Limits; the defaults if null.</param>
    /// <param name="logger">For diagnostics; none if null.</param>
    public WebSocketTunnelDialer(HttpMessageInvoker invoker, Uri portForwardUri, TunnelDialOptions? options = null, ILogger? logger = null)
    {
        _invoker = invoker;
        _portForwardUri = portForwardUri;
        _options = options ?? new TunnelDialOptions();
        _logger = logger ?? NullLogger.Instance;
    }

    /// <inheritdoc/>
    public string Transport => "websocket";

    /// <inheritdoc/>
    public async Task<Attempt<ITunnel>> DialAsync(CancellationToken cancellationToken)
    {
        Attempt<Stream> upgrade = await WebSocketUpgrade.SendAsync(_invoker, _portForwardUri, Subprotocol, _options, cancellationToken).ConfigureAwait(false);
        if (upgrade.Value is null)
        {
            return new Attempt<ITunnel>(upgrade.Fault!);
        }

        // No keep-alive of its own: SPDY's PING goes all the way to the runtime.
        return new Attempt<ITunnel>(new SpdyTunnel(new WebSocketByteStream(upgrade.Value), _options, _logger));
    }
}
