namespace PortForward.Spdy;

/// <summary>Why a stream was reset: the status codes of RST_STREAM (SPDY/3.1 draft, section 2.6.3). Zero is illegal on the wire.</summary>
internal enum ResetStatus : uint
{
    /// <summary>No status: the value of a stream that was not reset.</summary>
    None = 0,

    /// <summary>A generic protocol error.</summary>
    ProtocolError = 1,

    /// <summary>A frame for a stream that is not active.</summary>
    InvalidStream = 2,

    /// <summary>The stream was refused before any processing.</summary>
    RefusedStream = 3,

    /// <summary>The receiver does not support the requested SPDY version.</summary>
    UnsupportedVersion = 4,

    /// <summary>The creator of the stream no longer needs it. Runtimes also answer a bad stream header with it.</summary>
    Cancel = 5,

    /// <summary>The peer failed internally.</summary>
    InternalError = 6,

    /// <summary>The peer violated flow control.</summary>
    FlowControlError = 7,

    /// <summary>A SYN_REPLY for a stream that is already open.</summary>
    StreamInUse = 8,

    /// <summary>A frame for a stream that is half-closed.</summary>
    StreamAlreadyClosed = 9,
}
