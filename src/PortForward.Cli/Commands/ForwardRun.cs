using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using PortForward.Cli.Output;
using PortForward.Cli.Startup;
using PortForward.Cluster;
using PortForward.Cluster.Api;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cli.Commands;

/// <summary>One run of the program: forwards of the library, with the signals that end them, the lines that tell of them, and the exit code.</summary>
internal sealed class ForwardRun : IAsyncDisposable
{
    private const int Success = 0;
    private const int Failure = 1;

    /// <summary>What a shell reports for a program that SIGPIPE ended, which is how kubectl ends when its stdout is closed.</summary>
    internal const int OutputClosed = 128 + 13;

    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly ForwardArguments _arguments;
    private readonly ForwardFlags _flags;
    private readonly ParseResult _parsed;
    private readonly Stderr _stderr;
    private readonly ILoggerFactory _loggers;
    private readonly TerminationSignals _signals;
    private readonly MemoryRelease _memory = new(TimeProvider.System, MemoryRelease.ToSystem);
    private readonly RunOutput _output;
    private readonly Lazy<DescriptorBudget> _budget; // Once the first target is known.
    private ForwardViews? _views;
    private bool _isReady;

    private ForwardRun(ForwardArguments arguments, ForwardFlags flags, ParseResult parsed, Stderr stderr, ILoggerFactory loggers)
    {
        _arguments = arguments;
        _flags = flags;
        _parsed = parsed;
        _stderr = stderr;
        _loggers = loggers;
        _signals = new TerminationSignals(EndedBy);
        _output = new RunOutput(arguments.Output, HasCommand, HasCommand ? CommandRun.NotStarted : Failure, EndWithoutOutput);
        _budget = new Lazy<DescriptorBudget>(arguments.DivideDescriptors);
    }

    /// <summary>Forwards until a signal or a closed stdout, or until the command has ended.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="ClusterException">The cluster side of the start failed, or the only target is lost for good.</exception>
    /// <exception cref="PortForwardException">A port cannot be listened on.</exception>
    /// <exception cref="RunException">The command or the ports file is no use.</exception>
    public static async Task<int> RunAsync(ForwardArguments arguments, ForwardFlags flags, ParseResult parsed, Stderr stderr, ILoggerFactory loggers)
    {
        await using var run = new ForwardRun(arguments, flags, parsed, stderr, loggers);
        SocketCompletions.RunInline();
        _ = Task.Run(ApiClient.WarmUp);
        return await run.RunAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _output.DisposeAsync();
        _memory.Dispose();
        _signals.Dispose();
    }

    private bool HasCommand => _arguments.Command.Count > 0;

    private async Task<int> RunAsync()
    {
        try
        {
            await using RunClusters clusters = await RunClusters.ConnectAsync(_flags, _parsed, _arguments, _loggers);
            await using ForwardSet forwards = clusters.Prepare(_arguments.Define((index, options) => OptionsOf(index, options, clusters)));
            _arguments.CheckVariables(forwards);
            using ForwardViews views = _views = Show(forwards, clusters);
            using PortsFile? portsFile = await StartAsync(forwards, views);
            TellReady(forwards, views);
            if (HasCommand)
            {
                return await RunCommandAsync(forwards, views, portsFile);
            }

            await ServeAsync(forwards, views, portsFile);
        }
        catch (OperationCanceledException) when (_signals.Requested.IsCancellationRequested)
        {
            // Asked to end before it was ready: as good an end as any, unless a command has not been run.
            _views?.TellOthersStopped();
            if (HasCommand)
            {
                return EndedBy(_signals.Received);
            }
        }
        catch (Exception e)
        {
            Exception told = _arguments.RequiresAllPorts && _views is { HasToldPort: true } && e is PortForwardException
                ? new PortForwardException("nothing is forwarded, since not all ports can be had")
                : Explain(e);
            if (!_isReady)
            {
                _output.TellFailed(told);
            }

            if (told == e)
            {
                throw;
            }

            throw told;
        }

        await _output.DisposeAsync();
        return _output.Fault switch
        {
            null => _views is { HasLost: true } ? Failure : Success,
            { IsClosed: true } => OutputClosed,
            _ => Failure,
        };
    }

    private ForwardViews Show(ForwardSet forwards, RunClusters clusters)
    {
        var run = new RunView(forwards.Count == 1, _output, _stderr)
        {
            AreLinesHeld = forwards.Count > 1 && _arguments.RequiresAll,
            IsVerbose = _parsed.GetValue(_flags.Verbose),
            OnlyFaults = HasCommand,
            Started = _started,
        };
        ForwardView[] views = [.. forwards.Select((forward, index) =>
            new ForwardView(forward, TargetReference.Parse(_arguments.Targets[index].Target), clusters.ContextOf(index), run))];
        return new ForwardViews(views, _output, Explain, throwsLoss: run.IsAlone && !HasCommand);
    }

    /// <summary>Starts the forwards, and writes where they are. Those of a file may do without one that fails or is lost meanwhile.</summary>
    private async Task<PortsFile?> StartAsync(ForwardSet forwards, ForwardViews views)
    {
        _output.RemoveOlderPortsFile();
        var options = new ForwardSetOptions { RequireAll = _arguments.RequiresAll, OnStartEnded = _arguments.RequiresAll ? null : views.Follow };
        await forwards.StartAsync(options, _signals.Requested);
        return _output.WritePortsFile(forwards);
    }

    private void TellReady(ForwardSet forwards, ForwardViews views)
    {
        _isReady = true;
        _output.TellAllReady(forwards);
        foreach (Forward forward in _arguments.RequiresAll ? forwards.AsEnumerable() : [])
        {
            views.Follow(forward);
        }
    }

    private async Task<int> RunCommandAsync(ForwardSet forwards, ForwardViews views, PortsFile? portsFile)
    {
        int exitCode = await CommandRun.RunAsync(_arguments, forwards, _signals);
        portsFile?.Dispose(); // Nobody can connect there any more.
        await forwards.StopAsync(_signals.Repeated);
        await views.UntilEndedAsync();
        return exitCode;
    }

    private async Task ServeAsync(ForwardSet forwards, ForwardViews views, PortsFile? portsFile)
    {
        using CancellationTokenRegistration stop = _signals.Requested.UnsafeRegister(
            _ =>
            {
                portsFile?.Dispose();
                _ = forwards.StopAsync(_signals.Repeated);
            },
            null);
        await views.UntilEndedAsync();
        if (_stderr.IsTerminal && !_arguments.Output.IsQuiet)
        {
            _stderr.Tell(UserMessages.Summary([.. forwards.Select(static forward => forward.Counters)]));
        }
    }

    private ForwardOptions OptionsOf(int index, ForwardOptions options, RunClusters clusters) => options with
    {
        OnEvent = forwardEvent => OnEvent(index, forwardEvent),
        WithinLimits = wanted =>
        {
            clusters.Limit(_budget.Value.MaxTunnels);
            return wanted with { MaxConnections = Math.Max(1, _budget.Value.MaxConnections / _arguments.Targets.Count) };
        },
    };

    private void OnEvent(int index, ForwardEvent forwardEvent)
    {
        if (forwardEvent is ListenerOpened)
        {
            _signals.ListenersOpened();
        }
        else if (forwardEvent is ConnectionClosed)
        {
            _memory.ConnectionEnded();
        }

        _views![index].Render(forwardEvent);
    }

    private void EndWithoutOutput(StreamFault fault)
    {
        if (fault.IsWorthTelling)
        {
            _stderr.Tell(UserMessages.OutputFailed(fault.Reason));
        }

        _signals.RequestAtOnce();
    }

    private int EndedBy(PosixSignal? signal) => !HasCommand || signal is null ? Success : SignalNumber.Ended + SignalNumber.Of(signal.Value);

    private Exception Explain(Exception e) => e is ClusterException cluster ? WithAdvice(cluster, _arguments, _flags, _parsed) : e;

    /// <summary>Adds what the user can do about a fault with the flags of this command line.</summary>
    internal static ClusterException WithAdvice(ClusterException e, ForwardArguments arguments, ForwardFlags flags, ParseResult parsed)
    {
        if (e.Fault is null)
        {
            return e;
        }

        bool othersMayWork = parsed.GetValue(flags.Transport) is not (null or "auto") && e.OtherTransportMayWork;
        return othersMayWork ? e.With($" (only {arguments.Transports[0]} was tried; --transport auto tries the others too)")
            : e.Fault.FailedTransport is not null && !parsed.GetValue(flags.Verbose) ? e.With(" (--verbose tells what the other transports met with)")
            : e;
    }
}
