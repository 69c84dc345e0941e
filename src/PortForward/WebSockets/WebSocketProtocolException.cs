namespace PortForward.WebSockets;

/// <summary>The server broke a rule of RFC 6455; the message names the rule.</summary>
/// <param name="message">What it did.</param>
internal sealed class WebSocketProtocolException(string message) : IOException(message);
