using System.Security.Cryptography;
using System.Text;

namespace PortForward.Tunnels;

/// <summary>An upgrade to a WebSocket (RFC 6455). It is written here because .NET's classes refuse a subprotocol with a slash in its name.</summary>
internal static class WebSocketUpgrade
{
    // RFC 6455, section 1.3.
    private const string AcceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    /// <summary>Asks for a WebSocket that speaks one subprotocol.</summary>
    public static async Task<Attempt<Stream>> SendAsync(
        HttpMessageInvoker invoker, Uri uri, string subprotocol, TunnelDialOptions options, CancellationToken cancellationToken)
    {
        string key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);
        UpgradeRequest.Prepare(request, "websocket");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Key", key);
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Protocol", subprotocol);
        return await UpgradeRequest.SendAsync(invoker, request, response => Check(response, key, subprotocol), options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What is wrong with a 101, or null.</summary>
    private static string? Check(HttpResponseMessage response, string key, string subprotocol)
    {
        if (UpgradeRequest.HeaderOf(response, "Sec-WebSocket-Accept") != ExpectedAccept(key))
        {
            return "the server switched protocols with a wrong Sec-WebSocket-Accept: something between here and the API server does not speak WebSocket";
        }

        string? answered = UpgradeRequest.HeaderOf(response, "Sec-WebSocket-Protocol");
        return string.Equals(answered, subprotocol, StringComparison.Ordinal)
            ? null
            : $"the server switched to the WebSocket subprotocol \"{UntrustedText.OneLine(answered)}\" instead of \"{subprotocol}\"";
    }

    /// <summary>The value that proves that the server understood the handshake (RFC 6455, section 4.2.2, which prescribes SHA-1).</summary>
    private static string ExpectedAccept(string key)
    {
#pragma warning disable CA5350 // The RFC's choice; it protects nothing.
        return Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + AcceptSuffix)));
#pragma warning restore CA5350
    }
}
