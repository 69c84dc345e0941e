using Microsoft.Extensions.Logging;
using PortForward.Cli.Output;
using PortForward.Cluster;
using PortForward.Cluster.Targets;

namespace PortForward.Cli.Commands;

/// <summary>What a run says on stdout and in its ports file. With a command stdout is the command's, and nothing is said there.</summary>
internal sealed class RunOutput : IAsyncDisposable
{
    private readonly OutputArguments _arguments;
    private readonly bool _hasCommand;
    private readonly int _failure;
    private readonly JsonFormat _json = new(TimeProvider.System);
    private readonly LineWriter _stdout;
    private readonly List<HeldLines> _held = [];

    /// <summary>Prepares the output of a run.</summary>
    /// <param name="arguments">What the command line says of it.</param>
    /// <param name="hasCommand">Whether a command is run.</param>
    /// <param name="failure">The exit code if the ports file cannot be written.</param>
    /// <param name="onFault">Called when stdout cannot be written.</param>
    public RunOutput(OutputArguments arguments, bool hasCommand, int failure, Action<StreamFault> onFault)
    {
        _arguments = arguments;
        _hasCommand = hasCommand;
        _failure = failure;
        _stdout = new LineWriter(StandardStream.Output.Write, fault =>
        {
            Fault = fault;
            onFault(fault);
        });
    }

    /// <summary>Why stdout cannot be written; null if it can.</summary>
    public StreamFault? Fault { get; private set; }

    /// <summary>
    /// Where a forward's lines go. Usually they wait until all are ready and the ports file is there: scripts take them for that, and a run that cannot start
    /// says nothing.
    /// </summary>
    /// <param name="areHeld">Whether they wait for other forwards.</param>
    public HeldLines OpenLines(bool areHeld)
    {
        var lines = new HeldLines(Write);
        _held.Add(lines);
        if (!areHeld && NamedFile is null)
        {
            lines.Release();
        }

        return lines;
    }

    /// <summary>What a forward says on stdout.</summary>
    public IStdoutFormat FormatOf(ForwardIdentity identity, TargetReference target) => _hasCommand ? new NoLines()
        : _arguments.IsJson ? new JsonLines(_json, identity, target, _arguments.IsQuiet)
        : new KubectlLines(_arguments.IsQuiet);

    /// <summary>Writes a text that brings its own end of line.</summary>
    public void Write(string text) => _stdout.Write(text);

    /// <summary>Removes an older ports file: whoever waits for it must not find that one.</summary>
    /// <exception cref="RunException">There is something else of that name.</exception>
    public void RemoveOlderPortsFile()
    {
        if (NamedFile is { } file)
        {
            PortsFile.RemoveOlder(file, _failure);
        }
    }

    /// <summary>Writes the ports file, if there is to be one.</summary>
    /// <exception cref="RunException">It cannot be written.</exception>
    public PortsFile? WritePortsFile(IReadOnlyCollection<Forward> forwards) => NamedFile is { } file ? PortsFile.Write(file, TextOf(forwards), _failure) : null;

    /// <summary>Tells that all are ready, behind the lines of each.</summary>
    public void TellAllReady(IReadOnlyCollection<Forward> forwards)
    {
        _held.ForEach(static lines => lines.Release());
        if (forwards.Any(static forward => forward.State == ForwardState.Failed))
        {
            return; // Of a file's forwards some may do without the others.
        }

        if (_arguments.IsJson)
        {
            Write(_json.Render(UserMessages.AllReady(forwards.Count), forward: null));
        }
        else if (_arguments.PortsFile == OutputArguments.Stdout)
        {
            Write(TextOf(forwards));
        }
    }

    /// <summary>Tells those who read JSON, and no stderr, that the run could not start. What was held is not true any more, and goes.</summary>
    public void TellFailed(Exception why)
    {
        if (_arguments.IsJson)
        {
            Write(_json.Render(FailureText.Of(why, isVerbose: false) with { Level = LogLevel.Error }, forward: null));
        }
    }

    /// <summary>Tells that a forward has ended, as it was asked to or not.</summary>
    public void TellEnded(ForwardView view, Exception? why)
    {
        if (_arguments.IsJson)
        {
            string reason = why is null ? Reasons.Stopped : FailureText.Of(why, isVerbose: false).Reason!;
            Write(_json.Render(UserMessages.Ended(view.Forward.Counters, why?.Message, reason), view.Identity));
        }
    }

    /// <summary>Writes what is left.</summary>
    public ValueTask DisposeAsync() => _stdout.DisposeAsync();

    private string? NamedFile => _arguments.PortsFile is { } file && file != OutputArguments.Stdout ? file : null;

    private string TextOf(IReadOnlyCollection<Forward> forwards) => _arguments.ArePortsVariables ? PortsFile.Variables(forwards) : PortsFile.Json(forwards);
}
