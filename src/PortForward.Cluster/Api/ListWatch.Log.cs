using Microsoft.Extensions.Logging;

namespace PortForward.Cluster.Api;

internal sealed partial class ListWatch<T>
{
    [LoggerMessage(Level = LogLevel.Information, Message = "watch {Resource}: not possible ({Reason}), listing again and again instead")]
    private partial void LogPolling(string resource, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "watch {Resource}: lost ({Reason}), beginning again")]
    private partial void LogWatchLost(string resource, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "list {Resource}: failed ({Reason}), trying again")]
    private partial void LogListFailed(string resource, string reason);
}
