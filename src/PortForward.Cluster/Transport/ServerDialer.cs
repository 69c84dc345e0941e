using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using PortForward.Cluster.Authentication;

namespace PortForward.Cluster.Transport;

/// <summary>Opens connections to the API server: TCP, then TLS with the checks of <see cref="ServerTrust"/>.</summary>
/// <param name="trust">Which certificates to trust.</param>
/// <param name="serverName">The name that the certificate must bear; null for the address's own.</param>
/// <param name="certificate">The client certificate, or null.</param>
internal sealed class ServerDialer(ServerTrust trust, string? serverName, ClientCertificate? certificate)
{
    /// <summary>How long TCP and TLS may take each: client-go's dial timeout.</summary>
    private static readonly TimeSpan StepTimeout = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(30);

    /// <summary>Opens a connection; the connect callback of the HTTP handler, which uses a TLS stream as it is.</summary>
    /// <exception cref="ClusterException">It failed; the message is kubectl's.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        DnsEndPoint endPoint = context.DnsEndPoint;
        Stream stream = await ConnectTcpAsync(endPoint, cancellationToken).ConfigureAwait(false);
        if (!string.Equals(context.InitialRequestMessage.RequestUri!.Scheme, Uri.UriSchemeHttps, StringComparison.Ordinal))
        {
            return stream;
        }

        try
        {
            return await AuthenticateAsync(stream, endPoint, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async Task<Stream> ConnectTcpAsync(DnsEndPoint endPoint, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(StepTimeout);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, optionValue: true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, (int)KeepAliveInterval.TotalSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, (int)KeepAliveInterval.TotalSeconds);
            await socket.ConnectAsync(endPoint, either.Token).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (Exception e)
        {
            socket.Dispose();
            switch (e)
            {
                case SocketException { SocketErrorCode: SocketError.ConnectionRefused }:
                    throw Verbatim($"The connection to the server {Address(endPoint)} was refused - did you specify the right host or port?", e);
                case SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain }:
                    throw Unable($"dial tcp: lookup {endPoint.Host}: no such host", e);
                case SocketException:
                    throw Unable($"dial tcp {Address(endPoint)}: {e.Message}", e);
                case OperationCanceledException when limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested:
                    throw Unable($"dial tcp {Address(endPoint)}: no answer within {StepTimeout.TotalSeconds:0} s", e);
                default:
                    throw;
            }
        }
    }

    private async Task<SslStream> AuthenticateAsync(Stream stream, DnsEndPoint endPoint, CancellationToken cancellationToken)
    {
        string name = serverName ?? endPoint.Host;
        string? fault = null;
        var tls = new SslStream(stream, leaveInnerStreamOpen: false);
        using var limit = new CancellationTokenSource(StepTimeout);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = name,
                    ApplicationProtocols = [SslApplicationProtocol.Http11], // An upgrade needs HTTP/1.1.
                    ClientCertificateContext = certificate?.Context,
                    CertificateChainPolicy = trust.CreatePolicy(),
                    RemoteCertificateValidationCallback = (_, leaf, chain, _) =>
                    {
                        fault = trust.Check(leaf as X509Certificate2, chain, name);
                        return fault is null;
                    },
                },
                either.Token).ConfigureAwait(false);
            return tls;
        }
        catch (OperationCanceledException e) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Unable($"net/http: TLS handshake timeout: {Address(endPoint)} did not answer within {StepTimeout.TotalSeconds:0} s", e);
        }
        catch (Exception e) when (e is System.Security.Authentication.AuthenticationException or IOException)
        {
            throw fault is not null
                ? Unable($"tls: failed to verify certificate: {fault}", e)
                : Unable($"tls: handshake with {Address(endPoint)} failed: {Api.PlainText.OneLine((e.InnerException ?? e).Message)}", e);
        }
    }

    private static string Address(DnsEndPoint endPoint) =>
        endPoint.Host.Contains(':') ? $"[{endPoint.Host.Trim('[', ']')}]:{endPoint.Port}" : $"{endPoint.Host}:{endPoint.Port}";

    private static ClusterException Unable(string why, Exception cause) => Verbatim($"Unable to connect to the server: {why}", cause);

    private static ClusterException Verbatim(string line, Exception cause) => new(line, cause) { IsVerbatim = true };
}
