using Microsoft.Extensions.Logging;

namespace PortForward.Cli.Output;

/// <summary>The sentences that the user reads on stderr.</summary>
internal static partial class UserMessages
{
    /// <summary>The id of the line that says what is waited for, which on a terminal is rewritten in place.</summary>
    public const int WaitingId = 3;

    [LoggerMessage(EventId = 1, EventName = "Failed", Level = LogLevel.Critical, Message = "{Message}")]
    public static partial void Failed(this ILogger stderr, string message, Exception? exception = null);

    [LoggerMessage(EventId = 2, EventName = "Note", Level = LogLevel.Warning, Message = "note: {Message}")]
    public static partial void Note(this ILogger stderr, string message);

    [LoggerMessage(EventId = WaitingId, EventName = "Waiting", Level = LogLevel.Information, Message = "{Message}")]
    public static partial void Waiting(this ILogger stderr, string message);

    [LoggerMessage(EventId = 4, EventName = "WaitOver", Level = LogLevel.Information, Message = "pod {Pod} is running")]
    public static partial void WaitOver(this ILogger stderr, string pod);

    [LoggerMessage(EventId = 10, EventName = "PortUnavailable", Level = LogLevel.Error, Message = "Unable to listen on port {Port}: {Reason} ({Advice})")]
    public static partial void PortUnavailable(this ILogger stderr, int port, string reason, string advice);

    [LoggerMessage(EventId = 11, EventName = "ListenerPartial", Level = LogLevel.Warning,
        Message = "note: {EndPoint} is not served: {Reason}; clients that try it first reach another program")]
    public static partial void ListenerPartial(this ILogger stderr, string endPoint, string reason);

    [LoggerMessage(EventId = 12, EventName = "AcceptFailed", Level = LogLevel.Error, Message = "connections to {EndPoint} cannot be accepted for the moment: {Reason}")]
    public static partial void AcceptFailed(this ILogger stderr, string endPoint, string reason);

    [LoggerMessage(EventId = 13, EventName = "OpenToOthers", Level = LogLevel.Warning, Message = "note: {EndPoint} can be reached from other machines")]
    public static partial void OpenToOthers(this ILogger stderr, string endPoint);

    [LoggerMessage(EventId = 20, EventName = "ConnectionFailed", Level = LogLevel.Error, Message = "connection {Id} for {LocalPort} failed: {Reason}")]
    public static partial void ConnectionFailed(this ILogger stderr, long id, int localPort, string reason);

    [LoggerMessage(EventId = 23, EventName = "ConnectionsFailed", Level = LogLevel.Error, Message = "{Count} more connections for {LocalPort} failed likewise: {Reason}")]
    public static partial void ConnectionsFailed(this ILogger stderr, int count, int localPort, string reason);

    [LoggerMessage(EventId = 21, EventName = "ConnectionClosed", Level = LogLevel.Information,
        Message = "connection {Id} for {LocalPort} ended ({Outcome}): {BytesSent} bytes to the pod, {BytesReceived} from it, {Seconds:0.000} s")]
    public static partial void ConnectionClosed(this ILogger stderr, long id, int localPort, string outcome, long bytesSent, long bytesReceived, double seconds);

    [LoggerMessage(EventId = 22, EventName = "Ready", Level = LogLevel.Information, Message = "ready: pod {Pod} in namespace {Namespace} over {Transport}, after {Milliseconds:0} ms")]
    public static partial void Ready(this ILogger stderr, string pod, string @namespace, string transport, double milliseconds);

    [LoggerMessage(EventId = 24, EventName = "TransportFailed", Level = LogLevel.Information, Message = "transport {Transport} does not work here: {Reason}")]
    public static partial void TransportFailed(this ILogger stderr, string transport, string reason);

    [LoggerMessage(EventId = 30, EventName = "PodLost", Level = LogLevel.Warning, Message = "lost: pod {Pod} {Reason}; connections wait until {Awaited}{Hint}")]
    public static partial void PodLost(this ILogger stderr, string pod, string reason, string awaited, string hint);

    [LoggerMessage(EventId = 31, EventName = "PodBack", Level = LogLevel.Warning, Message = "back: connections go to pod {Pod}, after {After}")]
    public static partial void PodBack(this ILogger stderr, string pod, string after);

    [LoggerMessage(EventId = 32, EventName = "PodSwitched", Level = LogLevel.Warning, Message = "pod {From} {Reason}; new connections go to pod {To}")]
    public static partial void PodSwitched(this ILogger stderr, string from, string reason, string to);

    [LoggerMessage(EventId = 33, EventName = "PodsServing", Level = LogLevel.Information, Message = "connections are spread over {Count} pods: {Pods}")]
    public static partial void PodsServing(this ILogger stderr, int count, string pods);

    [LoggerMessage(EventId = 34, EventName = "TunnelsSaturated", Level = LogLevel.Warning,
        Message = "all {MaxTunnels} tunnels to pod {Pod} are in use or held up by clients or applications that do not read; new connections wait (see --max-tunnels)")]
    public static partial void TunnelsSaturated(this ILogger stderr, string pod, int maxTunnels);

    [LoggerMessage(EventId = 35, EventName = "Draining", Level = LogLevel.Warning,
        Message = "ending: {Connections} open connections may go on for {Timeout}; a second signal ends them at once")]
    public static partial void Draining(this ILogger stderr, int connections, string timeout);
}
