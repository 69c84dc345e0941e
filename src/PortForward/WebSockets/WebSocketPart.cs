namespace PortForward.WebSockets;

/// <summary>A part of a message.</summary>
/// <param name="Length">How many bytes it has; none at the end of a message whose bytes have all come before.</param>
/// <param name="EndsMessage">Whether it is the last one of its message.</param>
internal readonly record struct WebSocketPart(int Length, bool EndsMessage);
