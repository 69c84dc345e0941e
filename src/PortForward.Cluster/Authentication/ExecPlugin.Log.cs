using Microsoft.Extensions.Logging;

namespace PortForward.Cluster.Authentication;

internal sealed partial class ExecPlugin
{
    [LoggerMessage(Level = LogLevel.Information, Message = "credentials: running {Command}, interactive: {IsInteractive}")]
    private partial void LogRun(string command, bool isInteractive);

    [LoggerMessage(Level = LogLevel.Information, Message = "credentials: {Command} answered after {Elapsed}, valid until {Expiration}")]
    private partial void LogAnswer(string command, TimeSpan elapsed, DateTimeOffset? expiration);

    [LoggerMessage(Level = LogLevel.Information, Message = "credentials: the server refused those of {Command}, which is to run again")]
    private partial void LogRefused(string command);

    [LoggerMessage(Level = LogLevel.Information, Message = "credentials: {Command} could not be ended: {Reason}")]
    private partial void LogNotKilled(string command, string reason);
}
