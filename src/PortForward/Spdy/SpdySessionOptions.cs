namespace PortForward.Spdy;

/// <summary>The sizes that bound a session's memory, and how it numbers its streams.</summary>
internal sealed record SpdySessionOptions
{
    /// <summary>
    /// How many bytes of a stream are buffered while its consumer does not read. Then the session stops reading, which the peer feels as TCP backpressure. In
    /// bytes, at least 1; 256 KiB by default.
    /// </summary>
    public int StreamBufferSize { get; init; } = 256 * 1024;

    /// <summary>
    /// The largest data frame to send, payload only, in bytes: 1 to 16,777,215; 32 KiB by default, as the peer allocates per frame.
    /// </summary>
    public int MaxDataFrameSize { get; init; } = 32 * 1024;

    /// <summary>How much is read from the transport at once, in bytes, at least 8; 64 KiB by default.</summary>
    public int ReceiveBufferSize { get; init; } = 64 * 1024;

    /// <summary>
    /// Whether ids are skipped, which the protocol allows, so that the last stream of an opening gets the worker of the peer with the fewest streams that send,
    /// and among equals the one that the next PING goes to. Then one PING acknowledges the stream's data, where it takes up to five otherwise. Each PING costs
    /// the servers between here and the runtime some 50 µs. Off by default.
    /// </summary>
    public bool AlignsStreamIds { get; init; }
}
