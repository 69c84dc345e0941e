using System.Globalization;
using Microsoft.Extensions.Logging;
using PortForward.Cluster;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cli.Output;

/// <summary>The sentences that the user reads on stderr.</summary>
internal static class UserMessages
{
    public static OutputEvent Failed(string message, string reason, Exception? exception = null) =>
        new(EventTypes.Error, LogLevel.Critical, message) { Reason = reason, Exception = exception };

    public static OutputEvent OutputFailed(string why) => Failed($"error: stdout cannot be written: {why}", Reasons.OutputFailed);

    public static OutputEvent Note(string note, string? reason = null) => new(EventTypes.Note, LogLevel.Warning, $"note: {note}") { Reason = reason };

    public static OutputEvent FileUsed(string path, string? context, IReadOnlyList<string> namespaces)
    {
        string where = namespaces.Count == 1 ? $"namespace {namespaces[0]}" : $"namespaces {string.Join(", ", namespaces)}";
        return new(EventTypes.Note, LogLevel.Warning, $"forwards of {path}: {(context is null ? "no context" : $"context {context}")}, {where}") { Reason = Reasons.FileUsed };
    }

    public static OutputEvent Listening(ListenerOpened opened) =>
        new(EventTypes.Listening, LogLevel.Information, $"Forwarding from {ListenText.Of(opened.Port.Local)} -> {opened.Port.TargetPort}")
        {
            Local = opened.Port.Local,
            Remote = RemotePort.Behind(opened.Port),
        };

    public static OutputEvent ForwardReady(ForwardReady ready) =>
        new(EventTypes.Ready, LogLevel.Information, $"connections are served by pod {ready.Pod}") { Pod = ready.Pod, Fields = [("transport", ready.Transport)] };

    public static OutputEvent AllReady(int forwards) => new(EventTypes.AllReady, LogLevel.Information, "all forwards are ready") { Fields = [("forwards", forwards)] };

    public static OutputEvent ConnectionAccepted(ConnectionAccepted accepted) =>
        new(EventTypes.Connection, LogLevel.Information, $"Handling connection for {accepted.Port.Label}")
        {
            Local = accepted.Port.Local,
            Remote = RemotePort.Behind(accepted.Port),
            Fields = [("id", accepted.Id)],
        };

    public static OutputEvent Ended(ForwardCounters counters, string? why, string reason) =>
        new(EventTypes.End, why is null ? LogLevel.Information : LogLevel.Error, why ?? "the forward has ended")
        {
            Reason = reason,
            Fields =
            [
                ("connections", counters.ConnectionsAccepted), ("bytesSent", counters.BytesSent), ("bytesReceived", counters.BytesReceived), ("reconnects", counters.Reconnects),
            ],
        };

    public static OutputEvent Summary(IReadOnlyCollection<ForwardCounters> counters)
    {
        long connections = counters.Sum(static one => one.ConnectionsAccepted);
        int reconnects = counters.Sum(static one => one.Reconnects);
        string lost = reconnects == 0 ? "" : $", {Count(reconnects, "reconnect")}";
        return new(EventTypes.Note, LogLevel.Information, string.Create(CultureInfo.InvariantCulture,
            $"{Count(connections, "connection")}, {Size(counters.Sum(static one => one.BytesSent))} sent, {Size(counters.Sum(static one => one.BytesReceived))} received{lost}"));

        static string Size(long bytes) => bytes switch
        {
            < 1000 => $"{bytes} B",
            < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.#} kB"),
            < 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.#} MB"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.##} GB"),
        };
    }

    public static OutputEvent Waiting(string message) => new(EventTypes.Waiting, LogLevel.Information, message);

    public static OutputEvent Running(string pod) => new(EventTypes.Running, LogLevel.Information, $"pod {pod} is running") { Pod = pod };

    public static OutputEvent PortUnavailable(PortUnavailable unavailable) =>
        new(EventTypes.Error, LogLevel.Error, $"Unable to listen on {ListenText.Describe(unavailable)} ({ListenText.Advise(unavailable)})")
        {
            Reason = Reasons.Of(unavailable.Failures[0].Reason),
            Local = unavailable.Failures[0].EndPoint,
            Remote = new RemotePort(unavailable.TargetPort, unavailable.TargetName),
        };

    public static OutputEvent ListenerPartial(ListenerPartial partial) =>
        Note($"{partial.EndPoint} is not served: {partial.Reason}; {ListenText.Consequence(partial.Reason)}", Reasons.Of(partial.Reason)) with { Local = partial.EndPoint };

    public static OutputEvent AcceptFailed(AcceptFailed failed) =>
        new(EventTypes.Error, LogLevel.Error, $"connections to {ListenText.Of(failed.Port.Local)} cannot be accepted for the moment: {failed.Reason}")
        {
            Reason = Reasons.AcceptFailed,
            Local = failed.Port.Local,
            Remote = RemotePort.Behind(failed.Port),
        };

    public static OutputEvent OutOfDescriptors(OutOfDescriptors shortage, ulong? limit) =>
        new(EventTypes.Error, LogLevel.Error,
            $"the limit of open files{(limit is null ? "" : $" (ulimit -n: {limit})")} is reached: new connections wait until others end; start pf under a higher limit if these are too few")
        {
            Reason = Reasons.OutOfDescriptors,
            Local = shortage.Port.Local,
            Remote = RemotePort.Behind(shortage.Port),
        };

    public static OutputEvent OpenToOthers(ForwardedPort port) =>
        Note($"{port.Local} can be reached from other machines", Reasons.OpenToOthers) with { Local = port.Local, Remote = RemotePort.Behind(port) };

    public static OutputEvent ConnectionFailed(ConnectionClosed closed, string why) =>
        new(EventTypes.ConnectionFailed, LogLevel.Error, $"connection {closed.Id} for {closed.Port.Label} failed: {why}")
        {
            Reason = Reasons.Of(closed.End),
            Pod = closed.Pod,
            Local = closed.Port.Local,
            Remote = RemotePort.Behind(closed.Port),
            Fields = [("id", closed.Id)],
        };

    public static OutputEvent ConnectionsFailed(int count, ConnectionClosed example, string why) =>
        new(EventTypes.ConnectionsFailed, LogLevel.Error, $"{count} more connections for {example.Port.Label} failed likewise: {why}")
        {
            Reason = Reasons.Of(example.End),
            Local = example.Port.Local,
            Remote = RemotePort.Behind(example.Port),
            Fields = [("count", count)],
        };

    public static OutputEvent ConnectionClosed(ConnectionClosed closed) =>
        new(EventTypes.ConnectionClosed, LogLevel.Information, string.Create(CultureInfo.InvariantCulture,
            $"connection {closed.Id} for {closed.Port.Label} ended ({Reasons.Of(closed.End)}): {closed.BytesSent} bytes to the pod, {closed.BytesReceived} from it, {closed.Duration.TotalSeconds:0.000} s"))
        {
            Reason = Reasons.Of(closed.End),
            Local = closed.Port.Local,
            Remote = RemotePort.Behind(closed.Port),
            Pod = closed.Pod,
            Fields = [("id", closed.Id), ("bytesSent", closed.BytesSent), ("bytesReceived", closed.BytesReceived), ("seconds", closed.Duration.TotalSeconds)],
        };

    public static OutputEvent Ready(string pod, string @namespace, string transport, TimeSpan after) =>
        new(EventTypes.Ready, LogLevel.Information, string.Create(CultureInfo.InvariantCulture,
            $"ready: pod {pod} in namespace {@namespace} over {transport}, after {after.TotalMilliseconds:0} ms"))
        {
            Pod = pod,
            Fields = [("transport", transport), ("seconds", after.TotalSeconds)],
        };

    public static OutputEvent TransportFailed(string transport, string why, string reason) =>
        new(EventTypes.TransportFailed, LogLevel.Information, $"transport {transport} does not work here: {why}") { Reason = reason, Fields = [("transport", transport)] };

    public static OutputEvent PodLost(PodLost lost, TargetReference target) =>
        new(EventTypes.Lost, LogLevel.Warning, $"lost: pod {lost.Pod} {lost.Reason}; connections wait until {Awaited(lost.Cause, target)}{(lost.Hint is null ? "" : $" ({lost.Hint})")}") { Reason = StableName.Of(lost.Cause), Pod = lost.Pod };

    public static OutputEvent PodBack(PodBack back) =>
        new(EventTypes.Back, LogLevel.Warning, $"back: connections go to pod {back.Pod}, after {DurationText.Of(back.After)}")
        {
            Pod = back.Pod,
            Fields = [("seconds", back.After.TotalSeconds)],
        };

    public static OutputEvent PodSwitched(PodSwitched switched) =>
        new(EventTypes.Moved, LogLevel.Warning, $"pod {switched.From} {switched.Reason}; new connections go to pod {switched.To}") { Pod = switched.To, Fields = [("from", switched.From)] };

    public static OutputEvent PodsServing(PodsServing serving) =>
        new(EventTypes.Serving, LogLevel.Information, $"connections are spread over {serving.Pods.Count} pods: {string.Join(", ", serving.Pods)}") { Fields = [("pods", serving.Pods)] };

    public static OutputEvent TunnelsSaturated(TunnelsSaturated saturated) =>
        new(EventTypes.Saturated, LogLevel.Warning,
            $"all {saturated.MaxTunnels} tunnels to pod {saturated.Pod} are in use or held up by clients or applications that do not read; new connections wait (see --max-tunnels)")
        {
            Pod = saturated.Pod,
            Fields = [("maxTunnels", saturated.MaxTunnels)],
        };

    public static OutputEvent Draining(Draining draining) =>
        new(EventTypes.Draining, LogLevel.Warning,
            $"ending: {Count(draining.Connections, "open connection")} may go on for {DurationText.Of(draining.Timeout)}; a second signal ends {(draining.Connections == 1 ? "it" : "them")} at once")
        {
            Fields = [("connections", draining.Connections), ("seconds", draining.Timeout.TotalSeconds)],
        };

    public static OutputEvent LoginNeeded(LoginNeeded login) =>
        new(EventTypes.LoginNeeded, LogLevel.Warning, $"{(login.IsOutage ? "credentials cannot be renewed for the moment" : "a login is needed")}: {login.Reason} (open connections go on, new ones wait)");

    private static string Count(long number, string what) => $"{number} {what}{(number == 1 ? "" : "s")}";

    /// <summary>What connections wait for. A server that cannot be reached is not a target without a pod.</summary>
    private static string Awaited(LossCause cause, TargetReference target) => (cause, target.Kind) switch
    {
        (LossCause.ServerUnreachable, _) => "the server can be reached again",
        (LossCause.PodUnreachable, TargetKind.Pod) => "it can be reached again",
        (LossCause.PodUnreachable, _) => $"{target} has a pod that can be reached",
        (_, TargetKind.Pod) => "it is back",
        _ => $"{target} has another pod",
    };
}
