using System.Net;
using Microsoft.Extensions.Logging;
using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cli.Output;

/// <summary>Renders the forwarder's events: kubectl's lines on stdout, everything else on stderr.</summary>
/// <param name="stdout">Takes a line for stdout.</param>
/// <param name="stderr">The logger of messages for the user.</param>
/// <param name="verbose">Whether connections that went well are told too.</param>
/// <param name="describeFault">Tells a tunnel fault in the server's words.</param>
internal sealed class EventRenderer(Action<string> stdout, ILogger stderr, bool verbose, Func<TunnelFault, string> describeFault)
{
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

            case ConnectionClosed closed:
                RenderClosed(closed);
                break;
        }
    }

    private static bool IsOpenToOthers(IPAddress address) => !IPAddress.IsLoopback(address);

    private void RenderClosed(ConnectionClosed closed)
    {
        if (ConnectionText.Describe(closed.End, closed.Port.TargetPort, describeFault) is { } reason)
        {
            stderr.ConnectionFailed(closed.Id, closed.Port.Local.Port, reason);
        }

        if (verbose)
        {
            stderr.ConnectionClosed(
                closed.Id, closed.Port.Local.Port, closed.End.Kind.ToString(), closed.BytesSent, closed.BytesReceived, closed.Duration.TotalSeconds);
        }
    }
}
