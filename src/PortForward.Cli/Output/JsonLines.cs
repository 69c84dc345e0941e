using PortForward.Cluster;
using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cli.Output;

/// <summary>One JSON object a line: docs/events.md.</summary>
/// <param name="format">Writes the objects.</param>
/// <param name="forward">The forward.</param>
/// <param name="target">Its target.</param>
/// <param name="isQuiet">Whether connections are not told.</param>
internal sealed class JsonLines(JsonFormat format, ForwardIdentity forward, TargetReference target, bool isQuiet) : IStdoutFormat
{
    public string? Render(ForwardEvent forwardEvent) => Event(forwardEvent) is { } told ? format.Render(told, forward) : null;

    private OutputEvent? Event(ForwardEvent forwardEvent) => forwardEvent switch
    {
        ListenerOpened opened => UserMessages.Listening(opened),
        ForwardReady ready => UserMessages.ForwardReady(ready),
        ConnectionAccepted accepted when !isQuiet => UserMessages.ConnectionAccepted(accepted),
        ConnectionClosed closed when !isQuiet => UserMessages.ConnectionClosed(closed),
        PodLost lost => UserMessages.PodLost(lost, target),
        PodBack back => UserMessages.PodBack(back),
        PodSwitched switched => UserMessages.PodSwitched(switched),
        PortUnavailable unavailable => UserMessages.PortUnavailable(unavailable),
        AcceptFailed failed => UserMessages.AcceptFailed(failed),
        OutOfDescriptors shortage => UserMessages.OutOfDescriptors(shortage, limit: null),
        _ => null,
    };
}
