using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace PortForward.Cluster.Transport;

/// <summary>Opens connections to a server: TCP, the proxy's handshake, then TLS with the checks of <see cref="ServerTrust"/>.</summary>
internal sealed class ServerDialer
{
    /// <summary>How long TCP, and a proxy's handshake, may take: client-go's dial timeout.</summary>
    private static readonly TimeSpan DialTimeout = TimeSpan.FromSeconds(30);

    /// <summary>client-go's too.</summary>
    private static readonly TimeSpan TlsTimeout = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(30);

    /// <summary>Which certificates to trust.</summary>
    public required ServerTrust Trust { get; init; }

    /// <summary>The name that the certificate must bear; null for the address's own.</summary>
    public string? ServerName { get; init; }

    /// <summary>The client certificate, or null.</summary>
    public ClientCertificate? Certificate { get; init; }

    /// <summary>The proxy to go through, or null.</summary>
    public ProxyAddress? Proxy { get; init; }

    /// <summary>The clock for the limits.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Looks a name up.</summary>
    public Func<string, CancellationToken, Task<IPAddress[]>> LookUp { get; init; } = Dns.GetHostAddressesAsync;

    /// <summary>Opens a connection; the connect callback of the HTTP handler, which uses a TLS stream as it is.</summary>
    /// <exception cref="ClusterException">It failed; the message is kubectl's.</exception>
    public ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken) =>
        ConnectAsync(context.InitialRequestMessage.RequestUri!, cancellationToken);

    /// <summary>Opens a connection to a server that speaks TLS.</summary>
    /// <exception cref="ClusterException">It failed; the message is kubectl's.</exception>
    public async ValueTask<SslStream> ConnectTlsAsync(Uri server, CancellationToken cancellationToken) =>
        (SslStream)await ConnectAsync(server, cancellationToken).ConfigureAwait(false);

    /// <summary>Opens a connection to a server. To an http server behind an HTTP proxy it leads to the proxy, which gets the whole address with each request.</summary>
    /// <exception cref="ClusterException">It failed; the message is kubectl's.</exception>
    public async ValueTask<Stream> ConnectAsync(Uri server, CancellationToken cancellationToken)
    {
        var target = new DnsEndPoint(server.IdnHost, server.Port);
        bool secure = server.Scheme == Uri.UriSchemeHttps;
        Stream stream = Proxy is null
            ? await ConnectTcpAsync(target, cancellationToken).ConfigureAwait(false)
            : await ConnectProxyAsync(Proxy, target, tunnel: secure || Proxy.Kind == ProxyKind.Socks5, cancellationToken).ConfigureAwait(false);
        return secure
            ? await SecureAsync(stream, new TlsPeer(ServerName ?? target.Host, target.ToAuthority(), Certificate, Trust.Check, Label: ""), cancellationToken)
                .ConfigureAwait(false)
            : stream;
    }

    private async Task<Stream> ConnectProxyAsync(ProxyAddress proxy, DnsEndPoint target, bool tunnel, CancellationToken cancellationToken)
    {
        Stream stream = await ConnectTcpAsync(proxy.EndPoint, cancellationToken).ConfigureAwait(false);
        if (proxy.Kind == ProxyKind.Https)
        {
            // As in Go the cluster's authorities may vouch for the proxy; unlike there the system's may as well, and it is shown no client certificate.
            string? Check(X509Certificate2? certificate, X509Chain? chain, string name) =>
                Trust.Check(certificate, chain, name) is { } fault
                    && ServerTrust.System.Check(certificate, chain?.ChainPolicy.ExtraStore ?? [], name) is not null
                    ? fault : null;
            stream = await SecureAsync(stream, new TlsPeer(proxy.EndPoint.Host, proxy.EndPoint.ToAuthority(), Certificate: null, Check, Label(proxy)), cancellationToken)
                .ConfigureAwait(false);
        }

        if (!tunnel)
        {
            return stream;
        }

        using var limit = new CancellationTokenSource(DialTimeout, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            await (proxy.Kind == ProxyKind.Socks5
                ? ProxyHandshake.Socks5Async(stream, proxy, target, either.Token)
                : ProxyHandshake.ConnectAsync(stream, proxy, target, either.Token)).ConfigureAwait(false);
            return stream;
        }
        catch (Exception e)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw e switch
            {
                IOException => Unable($"{Label(proxy)}{UntrustedText.OneLine(e.Message)}", e),
                OperationCanceledException when limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested =>
                    Unable($"{Label(proxy)}no answer within {DialTimeout.TotalSeconds:0} s", e),
                _ => e,
            };
        }
    }

    private async Task<Stream> ConnectTcpAsync(DnsEndPoint endPoint, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(DialTimeout, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        bool isProxy = Proxy is not null;
        string address = endPoint.ToAuthority();
        try
        {
            IPAddress[] addresses = await LookUp(endPoint.Host, either.Token).ConfigureAwait(false);
            return addresses.Length == 0
                ? throw new SocketException((int)SocketError.HostNotFound)
                : await AddressRace.RunAsync(addresses, (one, token) => ConnectTcpAsync(new IPEndPoint(one, endPoint.Port), token), Time, either.Token)
                    .ConfigureAwait(false);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused && !isProxy)
        {
            throw Verbatim($"The connection to the server {address} was refused - did you specify the right host or port?", e);
        }
        catch (SocketException e)
        {
            bool isUnknown = e.SocketErrorCode is SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain;
            throw Dial(isUnknown ? $": lookup {endPoint.Host}: no such host" : $" {address}: {UntrustedText.OneLine(e.Message)}", e);
        }
        catch (OperationCanceledException e) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Dial($" {address}: no answer within {DialTimeout.TotalSeconds:0} s", e);
        }

        ClusterException Dial(string why, Exception e) => isProxy
            ? Unable($"{Label(Proxy!)}dial tcp{why}", e)
            : Unable($"dial tcp{why}", e);
    }

    private async Task<CoalescingStream> ConnectTcpAsync(IPEndPoint endPoint, CancellationToken cancellationToken)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // No TCP_USER_TIMEOUT: it also cuts a peer that acknowledges but has no room, which is an application in a debugger.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, optionValue: true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, (int)KeepAliveInterval.TotalSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, (int)KeepAliveInterval.TotalSeconds);
            await socket.ConnectAsync(endPoint, cancellationToken).ConfigureAwait(false);
            return new CoalescingStream(socket, Time);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<SslStream> SecureAsync(Stream stream, TlsPeer peer, CancellationToken cancellationToken)
    {
        string? fault = null;
        SslStream tls = stream is CoalescingStream connection ? new CoalescingTls(connection) : new SslStream(stream, leaveInnerStreamOpen: false);
        using var limit = new CancellationTokenSource(TlsTimeout, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    // Addresses have no place in SNI (RFC 6066, section 3); whom the certificate is for is checked below in any case.
                    TargetHost = CertificateNames.IsAddress(peer.Name, out _) ? "" : peer.Name,
                    ApplicationProtocols = [SslApplicationProtocol.Http11], // An upgrade needs HTTP/1.1.
                    AllowRenegotiation = false, // As in Go; reading then never writes.
                    ClientCertificateContext = peer.Certificate?.Context,
                    CertificateChainPolicy = Trust.CreatePolicy(),
                    RemoteCertificateValidationCallback = (_, leaf, chain, _) =>
                    {
                        fault = peer.Check(leaf as X509Certificate2, chain, peer.Name);
                        return fault is null;
                    },
                },
                either.Token).ConfigureAwait(false);
            return tls;
        }
        catch (Exception e)
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw e switch
            {
                OperationCanceledException when limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested =>
                    Unable($"{peer.Label}net/http: TLS handshake timeout: {peer.Address} did not answer within {TlsTimeout.TotalSeconds:0} s", e),
                AuthenticationException or IOException when fault is not null => Unable($"{peer.Label}tls: failed to verify certificate: {fault}", e),
                AuthenticationException or IOException => Unable($"{peer.Label}tls: handshake with {peer.Address} failed: {UntrustedText.OneLine((e.InnerException ?? e).Message)}", e),
                _ => e,
            };
        }
    }

    private static string Label(ProxyAddress proxy) => $"the proxy {proxy} ({proxy.Origin}): ";

    private static ClusterException Unable(string why, Exception cause) => Verbatim($"Unable to connect to the server: {why}", cause);

    private static ClusterException Verbatim(string line, Exception cause) => new(line, cause) { IsVerbatim = true };

    /// <summary>The other side of a TLS handshake.</summary>
    /// <param name="Name">The name that its certificate must bear.</param>
    /// <param name="Address">Where it is, for messages.</param>
    /// <param name="Certificate">What to show it if it asks.</param>
    /// <param name="Check">Says what is wrong with its certificate, or null.</param>
    /// <param name="Label">What messages about it begin with.</param>
    private sealed record TlsPeer(
        string Name, string Address, ClientCertificate? Certificate, Func<X509Certificate2?, X509Chain?, string, string?> Check, string Label);
}
