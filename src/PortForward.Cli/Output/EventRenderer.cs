using System.Net;
using Microsoft.Extensions.Logging;
using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cli.Output;

/// <summary>Renders the forwarder's events: kubectl's lines on stdout, everything else on stderr.</summary>
/// <param name="stdout">Takes a line for stdout.</param>
/// <param name="stderr">The logger of messages for the user.</param>
/// <param name="verbose">Whether connections that went well are told too.</param>
/// <param name="describeFault">Tells a tunnel fault in the server's words.</param>
/// <param name="target">What is forwarded to.</param>
internal sealed class EventRenderer(Action<string> stdout, ILogger stderr, bool verbose, Func<TunnelFault, string> describeFault, TargetReference target) : IDisposable
{
    private readonly FailureDigest _failures = new(stderr, TimeProvider.System);

    /// <summary>Renders one event.</summary>
    public void Render(ForwardEvent forwardEvent)
    {
        switch (forwardEvent)
        {
            case ListenerOpened opened:
                stdout($"Forwarding from {opened.Port.Local} -> {opened.Port.TargetPort}");
                if (IsOpenToOthers(opened.Port.Local.Address))
                {
                    stderr.OpenToOthers(opened.Port.Local.ToString());
                }

                break;

            case ListenerPartial partial when !partial.Reason.NoSuchAddress:
                stderr.ListenerPartial(partial.EndPoint.ToString(), partial.Reason.ToString());
                break;

            case PortUnavailable unavailable:
                stderr.PortUnavailable(unavailable.Mapping.LocalPort, ConnectionText.Describe(unavailable), ConnectionText.Advise(unavailable));
                break;

            case AcceptFailed failed:
                stderr.AcceptFailed(failed.Port.Local.ToString(), failed.Reason);
                break;

            case ConnectionAccepted accepted:
                stdout($"Handling connection for {accepted.Port.Local.Port}");
                break;

            case PodLost lost:
                stderr.PodLost(lost.Pod, lost.Reason, AwaitedPod, lost.Hint is null ? "" : $" ({lost.Hint})");
                break;

            case PodBack back:
                stderr.PodBack(back.Pod, DurationText.Of(back.After));
                break;

            case PodSwitched switched:
                stderr.PodSwitched(switched.From, switched.Reason, switched.To);
                break;

            case PodsServing serving when verbose:
                stderr.PodsServing(serving.Pods.Count, string.Join(", ", serving.Pods));
                break;

            case TunnelsSaturated saturated:
                stderr.TunnelsSaturated(saturated.Pod, saturated.MaxTunnels);
                break;

            case Draining draining:
                stderr.Draining(draining.Connections, DurationText.Of(draining.Timeout));
                break;

            case ConnectionClosed closed:
                RenderClosed(closed);
                break;
        }
    }

    /// <summary>Tells what was kept back to be told together.</summary>
    public void Dispose() => _failures.Dispose();

    private string AwaitedPod => target.Kind == TargetKind.Pod ? "it is back" : $"{target} has another pod";

    private static bool IsOpenToOthers(IPAddress address) => !IPAddress.IsLoopback(address);

    private void RenderClosed(ConnectionClosed closed)
    {
        if (ConnectionText.Describe(closed.End, closed.Port.TargetPort, describeFault) is { } reason)
        {
            _failures.Add(closed.Id, closed.Port.Local.Port, reason);
        }

        if (verbose)
        {
            stderr.ConnectionClosed(
                closed.Id, closed.Port.Local.Port, closed.End.Kind.ToString(), closed.BytesSent, closed.BytesReceived, closed.Duration.TotalSeconds);
        }
    }
}
