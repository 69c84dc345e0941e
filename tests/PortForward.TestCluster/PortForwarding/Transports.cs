namespace PortForward.Testing.PortForwarding;

/// <summary>How the server answers a request for one of the transports.</summary>
public abstract record TransportAnswer
{
    private TransportAnswer()
    {
    }

    /// <summary>As a server that knows the transport.</summary>
    public static TransportAnswer Serve { get; } = new Served();

    /// <summary>101, and then the connection is closed without a byte.</summary>
    public static TransportAnswer CloseAfterUpgrade { get; } = new ClosedAfterUpgrade();

    /// <summary>101, and then not a byte, while the connection stays: a proxy that lets the upgrade pass and not what comes after it.</summary>
    public static TransportAnswer SilenceAfterUpgrade { get; } = new SilentAfterUpgrade();

    /// <summary>101, and a WebSocket that answers PINGs and drops binary messages both ways; for plain SPDY the same as silence.</summary>
    public static TransportAnswer DropBinaryMessages { get; } = new DroppingBinaryMessages();

    /// <summary>101 with another subprotocol (WebSocket) or stream protocol version (SPDY) than the client asked for.</summary>
    public static TransportAnswer WrongProtocol { get; } = new WronglyNegotiated();

    /// <summary>101 with a Sec-WebSocket-Accept that does not fit the client's key.</summary>
    public static TransportAnswer WrongAccept { get; } = new WronglyAccepted();

    /// <summary>No answer at all.</summary>
    public static TransportAnswer Hang { get; } = new Hanging();

    /// <summary>Answers with a status and a plain-text body instead of upgrading, e.g. 426, or 502 as a proxy does.</summary>
    public static TransportAnswer Refuse(int status, string body) => new Refused(status, body);

    internal sealed record Served : TransportAnswer;

    internal sealed record ClosedAfterUpgrade : TransportAnswer;

    internal sealed record SilentAfterUpgrade : TransportAnswer;

    internal sealed record DroppingBinaryMessages : TransportAnswer;

    internal sealed record WronglyNegotiated : TransportAnswer;

    internal sealed record WronglyAccepted : TransportAnswer;

    internal sealed record Hanging : TransportAnswer;

    internal sealed record Refused(int Status, string Body) : TransportAnswer;
}

/// <summary>The server's answers per transport. All may be changed while the cluster runs.</summary>
public sealed class Transports
{
    internal Transports(Version kubernetes)
    {
        // 1.31 switched the tunnel on; before, the kubelet answered in its stead.
        WebSocketTunnel = kubernetes >= new Version(1, 31)
            ? TransportAnswer.Serve
            : TransportAnswer.Refuse(400, "query parameter \"port\" is required");

        // From 1.35 on a WebSocket GET needs the verb that a POST needs.
        WebSocketNeedsCreate = kubernetes >= new Version(1, 35);
    }

    /// <summary>SPDY inside a WebSocket.</summary>
    public TransportAnswer WebSocketTunnel { get; set; }

    /// <summary>SPDY by an HTTP upgrade.</summary>
    public TransportAnswer Spdy { get; set; } = TransportAnswer.Serve;

    /// <summary>WebSocket channels.</summary>
    public TransportAnswer Channels { get; set; } = TransportAnswer.Serve;

    /// <summary>Whether a WebSocket GET also needs the right to <c>create</c> pods/portforward.</summary>
    public bool WebSocketNeedsCreate { get; set; }
}
