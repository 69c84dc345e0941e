using Microsoft.Extensions.Logging;
using PortForward.Cli.Output;
using PortForward.Cluster;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cli.Commands;

/// <summary>What the user sees of one forward: its lines on stdout, which wait until all of the run are ready, and on stderr, where its name tells it from others.</summary>
internal sealed class ForwardView : IDisposable
{
    private readonly IStdoutFormat _output;
    private readonly HeldLines _lines;
    private readonly EventRenderer _renderer;
    private readonly Action<OutputEvent> _tell;

    /// <summary>Prepares to show a forward.</summary>
    /// <param name="forward">The forward, not started yet.</param>
    /// <param name="target">Its target.</param>
    /// <param name="context">The context of the kubeconfig, if any.</param>
    /// <param name="isAlone">Whether it is the only one of the run.</param>
    /// <param name="output">What goes to stdout.</param>
    /// <param name="stdout">Takes it.</param>
    /// <param name="stderr">Takes everything else.</param>
    /// <param name="verbose">Whether connections that went well are told too.</param>
    /// <param name="onlyFaults">Whether nothing is told on stderr but what is wrong: it is a command's as well.</param>
    /// <param name="started">When the program has started.</param>
    public ForwardView(Forward forward, TargetReference target, string? context, bool isAlone, Func<ForwardIdentity, IStdoutFormat> output, Action<string> stdout, Stderr stderr, bool verbose, bool onlyFaults, long started)
    {
        Forward = forward;
        Identity = new ForwardIdentity(forward.Name, forward.Target, forward.Namespace, context);
        if (isAlone)
        {
            stderr.Forward = Identity;
        }

        _tell = next =>
        {
            if (verbose || !onlyFaults || next.Level >= LogLevel.Warning)
            {
                stderr.Tell(next, isAlone ? null : Identity);
            }
        };
        _lines = new HeldLines(stdout);
        if (isAlone)
        {
            _lines.Release();
        }

        _output = output(Identity);
        _renderer = new EventRenderer(_tell, verbose, target, started);
    }

    /// <summary>The forward.</summary>
    public Forward Forward { get; }

    /// <summary>Which it is.</summary>
    public ForwardIdentity Identity { get; }

    /// <summary>Shows an event.</summary>
    public void Render(ForwardEvent forwardEvent)
    {
        if (_output.Render(forwardEvent) is { } text)
        {
            _lines.Write(text);
        }

        _renderer.Render(forwardEvent);
    }

    /// <summary>Shows that it has ended though nobody asked for it.</summary>
    public void TellLost(ClusterException why) => _tell(UserMessages.ForwardLost(why.Message, Reasons.Of(why)));

    /// <summary>All of the run are ready: its lines are written from now on.</summary>
    public void Release() => _lines.Release();

    /// <summary>Tells what was kept back to be told together.</summary>
    public void Dispose() => _renderer.Dispose();
}
