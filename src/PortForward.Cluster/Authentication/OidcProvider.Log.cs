using Microsoft.Extensions.Logging;

namespace PortForward.Cluster.Authentication;

internal sealed partial class OidcProvider
{
    [LoggerMessage(Level = LogLevel.Information, Message = "credentials: {Owner} has a new token, used until {Until}")]
    private partial void LogRenewed(string owner, DateTimeOffset? until);

    [LoggerMessage(Level = LogLevel.Information, Message = "credentials: the server refused the token of {Owner}, which is to be renewed")]
    private partial void LogRefused(string owner);

    [LoggerMessage(Level = LogLevel.Warning, Message = "credentials: the new token of {Owner} is used but not saved, so kubectl may have to log in again: {Reason}")]
    private partial void LogNotSaved(string owner, string reason);
}
