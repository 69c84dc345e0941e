using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace PortForward.Tunnels;

/// <summary>
/// Dials tunnels as SPDY/3.1 inside a WebSocket, subprotocol <c>SPDY/3.1+portforward.k8s.io</c> (Kubernetes 1.31 and later).
/// </summary>
/// <remarks>The upgrade is written here because the WebSocket classes refuse a subprotocol with a slash in its name.</remarks>
public sealed class WebSocketTunnelDialer : ITunnelDialer
{
    /// <summary>The subprotocol of the tunnel.</summary>
    public const string Subprotocol = "SPDY/3.1+portforward.k8s.io";

    // RFC 6455, section 1.3.
    private const string AcceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

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
    public async Task<TunnelDialResult> DialAsync(CancellationToken cancellationToken)
    {
        string key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        using var request = new HttpRequestMessage(HttpMethod.Get, _portForwardUri);
        UpgradeRequest.Prepare(request, "websocket");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Key", key);
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Protocol", Subprotocol);

        UpgradeResult upgrade = await UpgradeRequest.SendAsync(_invoker, request, response => Check(response, key), _options, cancellationToken).ConfigureAwait(false);
        if (upgrade.Stream is null)
        {
            return new TunnelDialResult(upgrade.Fault!);
        }

        var webSocket = WebSocket.CreateFromStream(upgrade.Stream, new WebSocketCreationOptions
        {
            IsServer = false,
            KeepAliveInterval = Timeout.InfiniteTimeSpan, // SPDY's own PING goes all the way to the runtime.
        });
        return new TunnelDialResult(new SpdyTunnel(new WebSocketByteStream(webSocket), _options, _logger));
    }

    /// <summary>What is wrong with a 101, or null.</summary>
    private static string? Check(HttpResponseMessage response, string key)
    {
        if (UpgradeRequest.HeaderOf(response, "Sec-WebSocket-Accept") != ExpectedAccept(key))
        {
            return "the server switched protocols with a wrong Sec-WebSocket-Accept: something between here and the API server does not speak WebSocket";
        }

        string? subprotocol = UpgradeRequest.HeaderOf(response, "Sec-WebSocket-Protocol");
        return string.Equals(subprotocol, Subprotocol, StringComparison.Ordinal)
            ? null
            : $"the server switched to the WebSocket subprotocol \"{subprotocol}\" instead of \"{Subprotocol}\"";
    }

    /// <summary>The value that proves that the server understood the handshake (RFC 6455, section 4.2.2, which prescribes SHA-1).</summary>
    private static string ExpectedAccept(string key)
    {
#pragma warning disable CA5350 // The RFC's choice; it protects nothing.
        return Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + AcceptSuffix)));
#pragma warning restore CA5350
    }
}
