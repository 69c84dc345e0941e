using Microsoft.Extensions.Logging;

namespace PortForward.Spdy;

internal sealed partial class SpdySession
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "SPDY session aborted: {Reason}")]
    private partial void LogAborted(string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "SPDY session closed by the peer")]
    private partial void LogClosed();

    [LoggerMessage(Level = LogLevel.Debug, Message = "GOAWAY from the peer: last good stream {LastGoodStreamId}, status {Status}")]
    private partial void LogGoAway(uint lastGoodStreamId, uint status);
}
