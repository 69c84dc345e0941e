namespace PortForward.Spdy;

/// <summary>The sizes that bound a session's memory.</summary>
public sealed record SpdySessionOptions
{
    /// <summary>
    /// The most bytes of a stream that are held while its consumer does not read; then the session stops reading, and the peer
    /// feels it as TCP backpressure. In bytes, at least 1; 256 KiB by default.
    /// </summary>
    public int StreamBufferSize { get; init; } = 256 * 1024;

    /// <summary>
    /// The largest data frame to send, payload only, in bytes: 1 to 16,777,215; 32 KiB by default, as the peer allocates per frame.
    /// </summary>
    public int MaxDataFrameSize { get; init; } = 32 * 1024;

    /// <summary>How much is read from the transport at once, in bytes, at least 8; 64 KiB by default.</summary>
    public int ReceiveBufferSize { get; init; } = 64 * 1024;
}
