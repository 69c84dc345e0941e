using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace PortForward.Fuzzing.Support;

/// <summary>A server that takes every upgrade to a WebSocket, and answers a request without a port as a kubelet does.</summary>
/// <param name="connection">What the connection is from then on.</param>
internal sealed class UpgradeHandler(Func<Stream> connection) : HttpMessageHandler
{
    /// <summary>The proof of RFC 6455, 4.2.2.</summary>
    public static string Accept(string key)
    {
#pragma warning disable CA5350 // The RFC's choice.
        return Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
    }

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.RequestUri!.Query.Length == 0)
        {
            return Task.FromResult(new HttpResponseMessage(HttpStatusCode.BadRequest) { Content = new StringContent("query parameter \"port\" is required") });
        }

        var switched = new HttpResponseMessage(HttpStatusCode.SwitchingProtocols) { Content = new ConnectionContent(connection()) };
        switched.Headers.TryAddWithoutValidation("Sec-WebSocket-Accept", Accept(request.Headers.GetValues("Sec-WebSocket-Key").Single()));
        switched.Headers.TryAddWithoutValidation("Sec-WebSocket-Protocol", request.Headers.GetValues("Sec-WebSocket-Protocol"));
        return Task.FromResult(switched);
    }

    /// <summary>The connection itself, as the system's handler gives it after an upgrade; the content of a stream could only be read.</summary>
    private sealed class ConnectionContent(Stream connection) : HttpContent
    {
        protected override Task<Stream> CreateContentReadStreamAsync() => Task.FromResult(connection);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => throw new NotSupportedException();

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                connection.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
