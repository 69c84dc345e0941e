using System.Net;

namespace PortForward.Cluster.Transport;

/// <summary>HTTP over a dialer's connections.</summary>
internal static class HttpTransport
{
    /// <summary>Makes the handler for requests to one server.</summary>
    /// <param name="dialer">Opens the connections.</param>
    /// <param name="server">The server.</param>
    /// <param name="warm">Has connections ready; null for none.</param>
    /// <param name="followsRedirects">Whether redirections are followed.</param>
    public static HttpMessageHandler Create(ServerDialer dialer, Uri server, WarmConnections? warm = null, bool followsRedirects = false)
    {
        bool isAbsolute = server.Scheme == Uri.UriSchemeHttp && dialer.Proxy?.Kind is ProxyKind.Http or ProxyKind.Https;
        var sockets = new SocketsHttpHandler
        {
            ConnectCallback = warm is null ? dialer.ConnectAsync : warm.ConnectAsync,
            RequestHeaderEncodingSelector = static (name, _) => RepeatedHeader.EncodingOf(name),
            UseProxy = isAbsolute,
            Proxy = isAbsolute ? new FixedProxy(dialer.Proxy!.EndPoint) : null,
            UseCookies = false,
            AllowAutoRedirect = followsRedirects,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = Timeout.InfiniteTimeSpan, // The dialer has limits of its own, whose errors name the address.
        };
        return isAbsolute ? new ProxiedRequests(dialer.Proxy!, sockets) : sockets;
    }

    /// <summary>Shows the proxy's own credentials with each request, and tells its refusal from the server's.</summary>
    private sealed class ProxiedRequests(ProxyAddress proxy, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.Remove("Proxy-Authorization");
            if (proxy.User?.Basic is { } authorization)
            {
                request.Headers.TryAddWithoutValidation("Proxy-Authorization", authorization);
            }

            HttpResponseMessage response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.ProxyAuthenticationRequired)
            {
                return response;
            }

            response.Dispose();
            string refusal = ProxyHandshake.Refusal((int)response.StatusCode, "", request.RequestUri!.Authority);
            var told = new ClusterException($"Unable to connect to the server: the proxy {proxy} ({proxy.Origin}): {refusal}") { IsVerbatim = true };
            throw new HttpRequestException(told.Message, told);
        }
    }
}
