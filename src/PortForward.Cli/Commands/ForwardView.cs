using Microsoft.Extensions.Logging;
using PortForward.Cli.Output;
using PortForward.Cluster;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cli.Commands;

/// <summary>
/// What the user sees of one forward: its lines on stdout, which wait until all of the run are ready, and on stderr, where its name tells it from others.
/// </summary>
internal sealed class ForwardView : IDisposable
{
    private readonly RunView _run;
    private readonly IStdoutFormat _output;
    private readonly HeldLines _lines;
    private readonly EventRenderer _renderer;
    private readonly Action<OutputEvent> _tell;

    /// <summary>Prepares to show a forward.</summary>
    /// <param name="forward">The forward, not started yet.</param>
    /// <param name="target">Its target.</param>
    /// <param name="context">Its context of the kubeconfig, if any.</param>
    /// <param name="run">What all forwards of the run have in common.</param>
    public ForwardView(Forward forward, TargetReference target, string? context, RunView run)
    {
        _run = run;
        Forward = forward;
        Identity = new ForwardIdentity(forward.Name, forward.Target, forward.Namespace, context);
        if (run.IsAlone)
        {
            run.Stderr.Forward = Identity;
        }

        _tell = next =>
        {
            if (run.IsVerbose || !run.OnlyFaults || next.Level >= LogLevel.Warning)
            {
                run.Stderr.Tell(next, run.IsAlone ? null : Identity);
            }
        };
        _lines = run.Output.OpenLines(run.AreLinesHeld);
        _output = run.Output.FormatOf(Identity, target);
        _renderer = new EventRenderer(_tell, run.IsVerbose, target, run.Started);
    }

    /// <summary>The forward.</summary>
    public Forward Forward { get; }

    /// <summary>Which it is.</summary>
    public ForwardIdentity Identity { get; }

    /// <summary>Whether a port that it cannot have was told.</summary>
    public bool HasToldPort { get; private set; }

    /// <summary>Shows an event.</summary>
    public void Render(ForwardEvent forwardEvent)
    {
        HasToldPort |= forwardEvent is PortUnavailable;
        if (_output.Render(forwardEvent) is { } text)
        {
            if (forwardEvent is PortUnavailable)
            {
                _run.Output.Write(text); // The run may end with it, and then there is nothing else to tell.
            }
            else
            {
                _lines.Write(text);
            }
        }

        _renderer.Render(forwardEvent);
    }

    /// <summary>Shows that it has ended though nobody asked for it.</summary>
    public void TellLost(Exception why) => _tell(FailureText.Of(why, isVerbose: false) with { Level = LogLevel.Error });

    /// <summary>Tells what was kept back to be told together.</summary>
    public void Dispose() => _renderer.Dispose();
}
