using System.Globalization;
using System.Net;
using System.Net.WebSockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace PortForward.Tunnels;

/// <summary>
/// Dials tunnels as WebSocket channels, <c>v4.channel.k8s.io</c>: the oldest WebSocket transport, and the last resort. Each tunnel carries one connection,
/// without half-close and without reset.
/// </summary>
/// <remarks>
/// The runtime dials the application as soon as the WebSocket stands, so none is opened before a client is there: the application would see a
/// client that never speaks. A dial only finds out whether one could be had.
/// </remarks>
public sealed partial class ChannelTunnelDialer : ITunnelDialer
{
    /// <summary>The subprotocol.</summary>
    public const string Subprotocol = "v4.channel.k8s.io";

    /// <summary>What a kubelet answers to a request that names no port, after all other checks (kubelet, <c>portforward/websocket.go</c>).</summary>
    private const string AsksForPort = "query parameter \"port\" is required";

    private readonly HttpMessageInvoker _invoker;
    private readonly Uri _portForwardUri;
    private readonly TunnelDialOptions _options;
    private readonly ILogger _logger;

    /// <summary>When the server has answered as it should, as a timestamp of the clock; 0 if it has not.</summary>
    private long _provenAt;

    /// <summary>Creates a dialer for one pod.</summary>
    /// <param name="invoker">Sends requests with the user's credentials over HTTP/1.1; it stays the caller's.</param>
    /// <param name="portForwardUri">The pod's port-forward resource, <c>…/api/v1/namespaces/NAMESPACE/pods/POD/portforward</c>.</param>
    /// <param name="options">Limits; the defaults if null.</param>
    /// <param name="logger">For diagnostics; none if null.</param>
    public ChannelTunnelDialer(HttpMessageInvoker invoker, Uri portForwardUri, TunnelDialOptions? options = null, ILogger? logger = null)
    {
        _invoker = invoker;
        _portForwardUri = portForwardUri;
        _options = options ?? new TunnelDialOptions();
        _logger = logger ?? NullLogger.Instance;
    }

    /// <inheritdoc/>
    public string Transport => "channel";

    /// <inheritdoc/>
    /// <remarks>It asks the server, unless that has just answered: tunnels that are dialled ahead cost no requests while connections come and go.</remarks>
    public async Task<TunnelDialResult> DialAsync(CancellationToken cancellationToken)
    {
        long proven = Interlocked.Read(ref _provenAt);
        if (proven == 0 || _options.Time.GetElapsedTime(proven) >= Liveness.Interval(_options))
        {
            if (await ProveAsync(cancellationToken).ConfigureAwait(false) is { } fault)
            {
                return new TunnelDialResult(fault);
            }

            Interlocked.Exchange(ref _provenAt, _options.Time.GetTimestamp());
        }

        return new TunnelDialResult(new ChannelTunnel(ConnectAsync));
    }

    /// <summary>
    /// Finds out whether a connection could be had, without one that an application would see. A request that names no port is refused by the last
    /// one on the way, the kubelet, and so it tells that everybody before has let it pass as an upgrade to a WebSocket.
    /// </summary>
    private async Task<TunnelFault?> ProveAsync(CancellationToken cancellationToken)
    {
        UpgradeResult upgrade = await WebSocketUpgrade.SendAsync(_invoker, _portForwardUri, Subprotocol, _options, cancellationToken).ConfigureAwait(false);
        if (upgrade.Stream is { } stream)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            return null;
        }

        return upgrade.Fault is { StatusCode: HttpStatusCode.BadRequest, Body: { } body } && body.Contains(AsksForPort, StringComparison.Ordinal) ? null : upgrade.Fault;
    }

    private async Task<ChannelDialResult> ConnectAsync(int port, CancellationToken cancellationToken)
    {
        var uri = new UriBuilder(_portForwardUri) { Query = "ports=" + port.ToString(CultureInfo.InvariantCulture) };
        UpgradeResult upgrade = await WebSocketUpgrade.SendAsync(_invoker, uri.Uri, Subprotocol, _options, cancellationToken).ConfigureAwait(false);
        if (upgrade.Stream is not { } stream)
        {
            Interlocked.Exchange(ref _provenAt, 0);
            return new ChannelDialResult(null, upgrade.Fault);
        }

        var counted = new CountingStream(stream);
        var webSocket = WebSocket.CreateFromStream(counted, new WebSocketCreationOptions
        {
            IsServer = false,

            // The PINGs of the WebSocket are the only ones here. What their absence means is not for it to judge.
            KeepAliveInterval = Liveness.Interval(_options),
            KeepAliveTimeout = TimeSpan.FromDays(1),
        });
        return new ChannelDialResult(new ChannelPair(webSocket, counted, port, _options, reason => LogBroken(reason)), null);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "A channel connection broke off: {Reason}")]
    private partial void LogBroken(string reason);
}
