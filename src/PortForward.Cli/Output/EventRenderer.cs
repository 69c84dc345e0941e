using System.Diagnostics;
using System.Net;
using PortForward.Cli.Startup;
using PortForward.Cluster;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cli.Output;

/// <summary>Renders a forward's events on stderr. What goes to stdout is an <see cref="IStdoutFormat"/>'s.</summary>
/// <param name="tell">Takes what there is to say.</param>
/// <param name="verbose">Whether connections that went well are told too.</param>
/// <param name="target">What is forwarded to.</param>
/// <param name="started">When the program has started, as a timestamp of <see cref="Stopwatch"/>.</param>
internal sealed class EventRenderer(Action<OutputEvent> tell, bool verbose, TargetReference target, long started) : IDisposable
{
    private readonly FailureDigest _failures = new(tell, TimeProvider.System);

    /// <summary>Renders one event.</summary>
    public void Render(ForwardEvent forwardEvent)
    {
        switch (forwardEvent)
        {
            case PodAwaited awaited:
                tell(UserMessages.Waiting(awaited.Reason));
                break;

            case PodRunning running:
                tell(UserMessages.Running(running.Pod));
                break;

            case TargetNote note:
                tell(UserMessages.Note(note.Text, Reasons.Target));
                break;

            case TransportFailed failed when verbose:
                tell(UserMessages.TransportFailed(failed.Transport, FaultText.OfTransport(failed.Fault), Reasons.Of(failed.Fault)));
                break;

            case ForwardReady ready when verbose:
                tell(UserMessages.Ready(ready.Pod, ready.Namespace, ready.Transport, Stopwatch.GetElapsedTime(started)));
                break;

            case ListenerOpened opened:
                if (IsOpenToOthers(opened.Port.Local))
                {
                    tell(UserMessages.OpenToOthers(opened.Port));
                }

                break;

            case ListenerPartial partial when !partial.Reason.NoSuchAddress:
                tell(UserMessages.ListenerPartial(partial));
                break;

            case PortUnavailable unavailable:
                tell(UserMessages.PortUnavailable(unavailable));
                break;

            case AcceptFailed failed:
                tell(UserMessages.AcceptFailed(failed));
                break;

            case OutOfDescriptors shortage:
                tell(UserMessages.OutOfDescriptors(shortage, DescriptorLimit.Current));
                break;

            case PodLost lost:
                tell(UserMessages.PodLost(lost, target));
                break;

            case PodBack back:
                tell(UserMessages.PodBack(back));
                break;

            case PodSwitched switched:
                tell(UserMessages.PodSwitched(switched));
                break;

            case PodsServing serving when verbose:
                tell(UserMessages.PodsServing(serving));
                break;

            case TunnelsSaturated saturated:
                tell(UserMessages.TunnelsSaturated(saturated));
                break;

            case LoginNeeded login:
                tell(UserMessages.LoginNeeded(login));
                break;

            case Draining draining:
                tell(UserMessages.Draining(draining));
                break;

            case ConnectionClosed closed:
                RenderClosed(closed);
                break;
        }
    }

    /// <summary>Tells what was kept back to be told together.</summary>
    public void Dispose() => _failures.Dispose();

    private static bool IsOpenToOthers(EndPoint local) => local is IPEndPoint { Address: var address } && !IPAddress.IsLoopback(address);

    private void RenderClosed(ConnectionClosed closed)
    {
        if (ConnectionText.Describe(closed.End, $"{closed.Port.TargetPort}") is { } reason)
        {
            _failures.Add(closed, reason);
        }

        if (verbose)
        {
            tell(UserMessages.ConnectionClosed(closed));
        }
    }
}
