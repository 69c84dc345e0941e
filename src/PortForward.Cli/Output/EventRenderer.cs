using System.Diagnostics;
using System.Net;
using PortForward.Cli.Startup;
using PortForward.Cluster;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cli.Output;

/// <summary>Renders the forwarder's events: kubectl's lines on stdout, everything else on stderr.</summary>
/// <param name="stdout">Takes a line for stdout.</param>
/// <param name="stderr">Takes everything else.</param>
/// <param name="verbose">Whether connections that went well are told too.</param>
/// <param name="target">What is forwarded to.</param>
/// <param name="started">When the program has started, as a timestamp of <see cref="Stopwatch"/>.</param>
internal sealed class EventRenderer(Action<string> stdout, Stderr stderr, bool verbose, TargetReference target, long started) : IDisposable
{
    private readonly FailureDigest _failures = new(stderr, TimeProvider.System);

    /// <summary>Renders one event.</summary>
    public void Render(ForwardEvent forwardEvent)
    {
        switch (forwardEvent)
        {
            case PodAwaited awaited:
                stderr.Tell(UserMessages.Waiting(awaited.Reason));
                break;

            case PodRunning running:
                stderr.Tell(UserMessages.Running(running.Pod));
                break;

            case TargetNote note:
                stderr.Tell(UserMessages.Note(note.Text, Reasons.Target));
                break;

            case TransportFailed failed when verbose:
                stderr.Tell(UserMessages.TransportFailed(failed.Transport, FaultText.OfTransport(failed.Fault), Reasons.Of(failed.Fault)));
                break;

            case ForwardReady ready when verbose:
                stderr.Tell(UserMessages.Ready(ready.Pod, ready.Namespace, ready.Transport, Stopwatch.GetElapsedTime(started)));
                break;

            case ListenerOpened opened:
                stdout($"Forwarding from {opened.Port.Local} -> {opened.Port.TargetPort}");
                if (IsOpenToOthers(opened.Port.Local.Address))
                {
                    stderr.Tell(UserMessages.OpenToOthers(opened.Port));
                }

                break;

            case ListenerPartial partial when !partial.Reason.NoSuchAddress:
                stderr.Tell(UserMessages.ListenerPartial(partial));
                break;

            case PortUnavailable unavailable:
                stderr.Tell(UserMessages.PortUnavailable(unavailable));
                break;

            case AcceptFailed failed:
                stderr.Tell(UserMessages.AcceptFailed(failed));
                break;

            case OutOfDescriptors shortage:
                stderr.Tell(UserMessages.OutOfDescriptors(shortage, DescriptorLimit.Current));
                break;

            case ConnectionAccepted accepted:
                stdout($"Handling connection for {accepted.Port.Local.Port}");
                break;

            case PodLost lost:
                stderr.Tell(UserMessages.PodLost(lost, Awaited(lost.Cause)));
                break;

            case PodBack back:
                stderr.Tell(UserMessages.PodBack(back));
                break;

            case PodSwitched switched:
                stderr.Tell(UserMessages.PodSwitched(switched));
                break;

            case PodsServing serving when verbose:
                stderr.Tell(UserMessages.PodsServing(serving));
                break;

            case TunnelsSaturated saturated:
                stderr.Tell(UserMessages.TunnelsSaturated(saturated));
                break;

            case LoginNeeded login:
                stderr.Tell(UserMessages.LoginNeeded(login));
                break;

            case Draining draining:
                stderr.Tell(UserMessages.Draining(draining));
                break;

            case ConnectionClosed closed:
                RenderClosed(closed);
                break;
        }
    }

    /// <summary>Tells what was kept back to be told together.</summary>
    public void Dispose() => _failures.Dispose();

    /// <summary>What connections wait for. A server that cannot be reached is not a target without a pod.</summary>
    private string Awaited(LossCause cause) => (cause, target.Kind) switch
    {
        (LossCause.ServerUnreachable, _) => "the server can be reached again",
        (LossCause.PodUnreachable, TargetKind.Pod) => "it can be reached again",
        (LossCause.PodUnreachable, _) => $"{target} has a pod that can be reached",
        (_, TargetKind.Pod) => "it is back",
        _ => $"{target} has another pod",
    };

    private static bool IsOpenToOthers(IPAddress address) => !IPAddress.IsLoopback(address);

    private void RenderClosed(ConnectionClosed closed)
    {
        if (ConnectionText.Describe(closed.End, $"{closed.Port.TargetPort}") is { } reason)
        {
            _failures.Add(closed, reason);
        }

        if (verbose)
        {
            stderr.Tell(UserMessages.ConnectionClosed(closed));
        }
    }
}
