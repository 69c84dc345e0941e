namespace PortForward.Spdy;

/// <summary>The ways in which the peer's half of a stream can end.</summary>
internal enum StreamEndKind
{
    /// <summary>The peer sent FIN: all that it had to send has arrived.</summary>
    Finished,

    /// <summary>The peer sent RST_STREAM.</summary>
    ResetByPeer,

    /// <summary>This side reset the stream.</summary>
    ResetLocally,

    /// <summary>This side reset the stream because the peer did not answer it in time.</summary>
    Unanswered,

    /// <summary>The session ended before the stream did, or a blocked worker of the peer will never serve the stream.</summary>
    SessionLost,
}

/// <summary>How the peer's half of a stream ended.</summary>
/// <param name="Kind">The way it ended.</param>
/// <param name="Status">The status of a reset; otherwise <see cref="ResetStatus.None"/>.</param>
internal readonly record struct StreamEnd(StreamEndKind Kind, ResetStatus Status = ResetStatus.None);
