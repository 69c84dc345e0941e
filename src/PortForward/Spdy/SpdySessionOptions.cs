namespace PortForward.Spdy;

/// <summary>The sizes that bound a session's memory, and how it numbers its streams.</summary>
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

    /// <summary>
    /// Whether stream ids are left out, which is allowed, so that the last stream of an opening gets the peer's worker whose turn it is for a PING: one PING
    /// then tells when its bytes are taken, where it takes up to five otherwise; beside streams that send already it gets a worker that has the fewest of
    /// them. Each PING costs the servers between here and the runtime some 50 µs. Off by default.
    /// </summary>
    public bool AlignsStreamIds { get; init; }
}
