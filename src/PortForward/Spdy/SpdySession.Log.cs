using Microsoft.Extensions.Logging;

namespace PortForward.Spdy;

public sealed partial class SpdySession
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "SPDY session aborted: {Reason}")]
    private partial void LogAborted(string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "SPDY session closed by the peer")]
    private partial void LogClosed();

    [LoggerMessage(Level = LogLevel.Debug, Message = "GOAWAY from the peer: last good stream {LastGoodStreamId}, status {Status}")]
    private partial void LogGoAway(uint lastGoodStreamId, uint status);

    [LoggerMessage(Level = LogLevel.Debug, Message = "A worker of the peer is blocked by data of stream {StreamId}; streams behind it that end: {Count}")]
    private partial void LogWorkerBlocked(uint streamId, int count);
}
