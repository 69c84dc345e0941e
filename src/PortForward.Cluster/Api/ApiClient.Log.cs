using Microsoft.Extensions.Logging;

namespace PortForward.Cluster.Api;

internal sealed partial class ApiClient
{
    [LoggerMessage(Level = LogLevel.Information, Message = "{Request}: answered with {StatusCode}, trying again after {Wait}")]
    private partial void LogRetry(string request, int statusCode, TimeSpan wait);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Request}: nothing received for {Limit}, so the connection counts as lost")]
    private partial void LogWatchSilent(string request, TimeSpan limit);
}
