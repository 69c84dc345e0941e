using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace PortForward.Tunnels;

/// <summary>
/// Dials tunnels as plain SPDY/3.1 by an HTTP upgrade: what every Kubernetes server speaks, and many proxies do not let through.
/// </summary>
internal sealed class SpdyUpgradeDialer : ITunnelDialer
{
    /// <summary>The transport's name.</summary>
    internal const string Name = "spdy";

    private const string Protocol = "SPDY/3.1";
    private const string StreamProtocolHeader = "X-Stream-Protocol-Version";
    private const string StreamProtocol = "portforward.k8s.io";

    private readonly HttpMessageInvoker _invoker;
    private readonly Uri _portForwardUri;
    private readonly TunnelDialOptions _options;
    private readonly ILogger _logger;

    /// <summary>Creates a dialer for one pod.</summary>
    /// <param name="invoker">Sends requests with the user's credentials over HTTP/1.1; it stays the caller's.</param>
    /// <param name="portForwardUri">The pod's port-forward resource, <c>…/api/v1/namespaces/NAMESPACE/pods/POD/portforward</c>.</param>
    /// <param name="options">Limits; the defaults if null.</param>
    /// <param name="logger">For diagnostics; none if null.</param>
    public SpdyUpgradeDialer(HttpMessageInvoker invoker, Uri portForwardUri, TunnelDialOptions? options = null, ILogger? logger = null)
    {
        _invoker = invoker;
        _portForwardUri = portForwardUri;
        _options = options ?? new TunnelDialOptions();
        _logger = logger ?? NullLogger.Instance;
    }

    /// <inheritdoc/>
    public string Transport => Name;

    /// <inheritdoc/>
    public async Task<Attempt<ITunnel>> DialAsync(CancellationToken cancellationToken)
    {
        // A POST, so that the right "create" on pods/portforward is what it takes (kubectl before 1.30 knows only this).
        using var request = new HttpRequestMessage(HttpMethod.Post, _portForwardUri);
        UpgradeRequest.Prepare(request, Protocol);
        request.Headers.TryAddWithoutValidation(StreamProtocolHeader, StreamProtocol);

        Attempt<Stream> upgrade = await UpgradeRequest.SendAsync(_invoker, request, Check, _options, cancellationToken).ConfigureAwait(false);
        return upgrade.Value is null
            ? new Attempt<ITunnel>(upgrade.Fault!)
            : new Attempt<ITunnel>(new SpdyTunnel(upgrade.Value, _options, _logger));
    }

    /// <summary>What is wrong with a 101, or null.</summary>
    private static string? Check(HttpResponseMessage response)
    {
        string? upgraded = UpgradeRequest.HeaderOf(response, "Upgrade");
        if (!string.Equals(upgraded, Protocol, StringComparison.OrdinalIgnoreCase))
        {
            return $"the server switched to \"{UntrustedText.OneLine(upgraded)}\" instead of \"{Protocol}\"";
        }

        string? version = UpgradeRequest.HeaderOf(response, StreamProtocolHeader);
        return string.Equals(version, StreamProtocol, StringComparison.Ordinal)
            ? null
            : $"the server answered with the stream protocol \"{UntrustedText.OneLine(version)}\" instead of \"{StreamProtocol}\"";
    }
}
