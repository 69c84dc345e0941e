namespace PortForward.Spdy;

/// <summary>The peer sent bytes that are no legal SPDY/3.1; the message names the rule that was broken. It ends the session.</summary>
internal sealed class SpdyProtocolException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What the peer sent and which rule it breaks.</param>
    public SpdyProtocolException(string message)
        : base(message)
    {
    }
}
