namespace PortForward.Testing.PortForwarding.Spdy;

/// <summary>The client broke SPDY/3.1 in a way that ends the session.</summary>
internal sealed class SpdyProtocolException : Exception
{
    public SpdyProtocolException(string message)
        : base(message)
    {
    }

    public SpdyProtocolException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
