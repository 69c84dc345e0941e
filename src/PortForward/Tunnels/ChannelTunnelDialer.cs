using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PortForward.WebSockets;

namespace PortForward.Tunnels;

/// <summary>
/// Dials tunnels as WebSocket channels, <c>v4.channel.k8s.io</c>: the oldest WebSocket transport, and the last resort. Each tunnel carries one connection,
/// without half-close and without reset.
/// </summary>
/// <remarks>
/// The runtime dials the application as soon as the WebSocket is established. So none is opened before a client is there, or the application would see a client
/// that never speaks. A dial only finds out whether a WebSocket could be had.
/// </remarks>
internal sealed partial class ChannelTunnelDialer : ITunnelDialer
{
    /// <summary>The subprotocol.</summary>
    public const string Subprotocol = "v4.channel.k8s.io";

    /// <summary>What a kubelet answers to a request that names no port, after all other checks (kubelet, <c>portforward/websocket.go</c>).</summary>
    private const string AsksForPort = "query parameter \"port\" is required";

    private readonly HttpMessageInvoker _invoker;
    private readonly Uri _portForwardUri;
    private readonly TunnelDialOptions _options;
    private readonly ILogger _logger;

    /// <summary>What is known of the server; null when it has to be probed.</summary>
    private volatile Finding? _finding;

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
    /// <remarks>
    /// It probes the server, unless a recent probe or connection has shown whether the transport works. So tunnels that are dialled in advance cost no requests
    /// while connections come and go.
    /// </remarks>
    public async Task<Attempt<ITunnel>> DialAsync(CancellationToken cancellationToken)
    {
        Finding? finding = _finding;
        if (finding is null || _options.Time.GetElapsedTime(finding.At) >= Liveness.Interval(_options))
        {
            if (await ProveAsync(cancellationToken).ConfigureAwait(false) is { } refusal)
            {
                return new Attempt<ITunnel>(refusal);
            }

            _finding = finding = new Finding(_options.Time.GetTimestamp());
        }

        return finding.Fault is { } fault ? new Attempt<ITunnel>(fault) : new Attempt<ITunnel>(new ChannelTunnel(ConnectAsync, () => _finding?.Fault is null));
    }

    /// <summary>
    /// Probes whether a connection could be had, without opening one that an application would see. The kubelet, the last hop, refuses a request that names no
    /// port. Its refusal proves that every hop before it has passed the request on as an upgrade to a WebSocket.
    /// </summary>
    private async Task<TunnelFault?> ProveAsync(CancellationToken cancellationToken)
    {
        Attempt<Stream> upgrade = await WebSocketUpgrade.SendAsync(_invoker, _portForwardUri, Subprotocol, _options, cancellationToken).ConfigureAwait(false);
        if (upgrade.Value is { } stream)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            return null;
        }

        return upgrade.Fault is { StatusCode: HttpStatusCode.BadRequest, Body: { } body } && body.Contains(AsksForPort, StringComparison.Ordinal) ? null : upgrade.Fault;
    }

    private async Task<Attempt<ChannelPair>> ConnectAsync(int port, CancellationToken cancellationToken)
    {
        var uri = new UriBuilder(_portForwardUri) { Query = "ports=" + port.ToString(CultureInfo.InvariantCulture) };
        Attempt<Stream> upgrade = await WebSocketUpgrade.SendAsync(_invoker, uri.Uri, Subprotocol, _options, cancellationToken).ConfigureAwait(false);
        if (upgrade.Value is not { } stream)
        {
            return Failed(upgrade.Fault!);
        }

        var pair = new ChannelPair(new WebSocketConnection(stream, "channel"), port, _options, LogBroken);
        string wrong;
        try
        {
            // The server opens the port before it does anything else, so that a connection that works waits for nothing here.
            if (await pair.Opened.WaitAsync(_options.ProofTimeout, _options.Time, cancellationToken).ConfigureAwait(false))
            {
                return new Attempt<ChannelPair>(pair);
            }

            wrong = $"the server switched protocols, but opened no connection: {pair.WhyBroken}";
        }
        catch (TimeoutException)
        {
            wrong = $"the server switched protocols, but said nothing on the channels within {_options.ProofTimeout.TotalSeconds:0.#} s";
        }
        catch
        {
            await pair.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        await pair.DisposeAsync().ConfigureAwait(false);
        return Failed(new TunnelFault(TunnelFaultKind.BadUpgrade, wrong));
    }

    /// <summary>
    /// Keeps what a connection has shown, for later dials and for tunnels that were dialled already. Otherwise a gateway that passes the probe and breaks the
    /// connection would be trusted again and again.
    /// </summary>
    private Attempt<ChannelPair> Failed(TunnelFault fault)
    {
        _finding = fault.Kind == TunnelFaultKind.BadUpgrade ? new Finding(_options.Time.GetTimestamp()) { Fault = fault } : null;
        return new Attempt<ChannelPair>(fault);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "A channel connection broke off: {Reason}")]
    private partial void LogBroken(string reason);

    /// <summary>What a probe or a connection has shown about the server.</summary>
    /// <param name="At">When, as a timestamp of the clock.</param>
    private sealed record Finding(long At)
    {
        /// <summary>What does not work; null if it does.</summary>
        public TunnelFault? Fault { get; init; }
    }
}
