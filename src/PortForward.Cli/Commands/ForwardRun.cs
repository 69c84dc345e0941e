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
internal static class ForwardRun
{
    private const int Success = 0;
    private const int Failure = 1;

    /// <summary>What a shell reports for a program that SIGPIPE ended, which is how kubectl ends when its stdout is closed.</summary>
    private const int OutputClosed = 128 + 13;

    /// <summary>Forwards until a signal or a closed stdout.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="ClusterException">The cluster side of the start failed, or the only target is lost for good.</exception>
    /// <exception cref="PortForwardException">A port cannot be listened on.</exception>
    public static async Task<int> RunAsync(ForwardArguments arguments, ForwardFlags flags, ParseResult parsed, Stderr stderr, ILoggerFactory loggers)
    {
        long started = Stopwatch.GetTimestamp();
        SocketCompletions.RunInline();
        _ = Task.Run(ApiClient.WarmUp);
        bool verbose = parsed.GetValue(flags.Verbose);
        bool hasCommand = arguments.Command.Count > 0;
        int failure = hasCommand ? CommandRun.NotStarted : Failure;
        using var signals = new TerminationSignals(EndedBy);
        using var memory = new MemoryRelease(TimeProvider.System, MemoryRelease.ToSystem);
        StreamFault? outputFault = null;
        await using var stdout = new LineWriter(StandardStream.Output.Write, fault =>
        {
            outputFault = fault;
            if (fault.IsWorthTelling)
            {
                stderr.Tell(UserMessages.OutputFailed(fault.Reason));
            }

            signals.RequestAtOnce();
        });

        var json = new JsonFormat(TimeProvider.System);
        bool hasFailed = false;
        bool hasToldPort = false;
        var budget = new Lazy<DescriptorBudget>(arguments.DivideDescriptors); // Once the first target is known.
        try
        {
            await using ClusterClient cluster = ClusterFlags.Connect(flags, parsed, arguments, out string? context, loggers);
            var views = new ForwardView[arguments.Targets.Count];
            await using ForwardSet forwards = cluster.Prepare(arguments.Define(OptionsOf));
            var run = new RunView(context, forwards.Count == 1, FormatOf, stdout.Write, stderr) { IsVerbose = verbose, OnlyFaults = hasCommand, Started = started };
            foreach ((int index, Forward forward) in forwards.Index())
            {
                views[index] = new ForwardView(forward, TargetReference.Parse(arguments.Targets[index].Target), run);
            }

            using var all = new ForwardViews(views);
            if (arguments.Output.PortsFile is { } named && named != OutputArguments.Stdout)
            {
                PortsFile.RemoveOlder(named, failure);
            }

            await forwards.StartAsync(new ForwardSetOptions(), signals.Requested);
            all.Release();
            if (arguments.Output.IsJson)
            {
                stdout.Write(json.Render(UserMessages.AllReady(forwards.Count), forward: null));
            }

            using PortsFile? portsFile = WritePorts(arguments.Output, forwards, stdout, failure);
            if (hasCommand)
            {
                return await RunCommandAsync(arguments, forwards, views, signals, e => Explain(e, arguments, flags, parsed));
            }

            using CancellationTokenRegistration stop = signals.Requested.UnsafeRegister(_ => _ = forwards.StopAsync(signals.Repeated), null);
            hasFailed = await UntilEndedAsync(views, throws: forwards.Count == 1, e => Explain(e, arguments, flags, parsed), TellEnd);
            if (stderr.IsTerminal && !arguments.Output.IsQuiet)
            {
                stderr.Tell(UserMessages.Summary([.. forwards.Select(static forward => forward.Counters)]));
            }

            IStdoutFormat FormatOf(ForwardIdentity identity) => hasCommand ? new NoLines()
                : arguments.Output.IsJson ? new JsonLines(json, identity, arguments.Output.IsQuiet)
                : new KubectlLines(arguments.Output.IsQuiet);

            void TellEnd(ForwardView view, ClusterException? why)
            {
                if (arguments.Output.IsJson)
                {
                    stdout.Write(json.Render(UserMessages.Ended(view.Forward.Counters, why?.Message, why is null ? Reasons.Stopped : Reasons.Of(why)), view.Identity));
                }
            }

            ForwardOptions OptionsOf(int index, ForwardOptions options) => options with
            {
                OnEvent = forwardEvent => OnEvent(views[index], forwardEvent),
                WithinLimits = WithinDescriptors,
            };

            ForwardOptions WithinDescriptors(ForwardOptions wanted)
            {
                cluster.Tunnels.Most = budget.Value.MaxTunnels;
                return wanted with { MaxConnections = Math.Max(1, budget.Value.MaxConnections / arguments.Targets.Count) };
            }

            void OnEvent(ForwardView view, ForwardEvent forwardEvent)
            {
                if (forwardEvent is ListenerOpened)
                {
                    signals.ListenersOpened();
                }
                else if (forwardEvent is ConnectionClosed)
                {
                    memory.ConnectionEnded();
                }
                else if (forwardEvent is PortUnavailable)
                {
                    hasToldPort = true;
                }

                view.Render(forwardEvent);
            }
        }
        catch (OperationCanceledException) when (signals.Requested.IsCancellationRequested)
        {
            // Asked to end before it was ready: as good an end as any, unless a command has not been run.
            if (hasCommand)
            {
                return EndedBy(signals.Received);
            }
        }
        catch (PortForwardException) when (hasToldPort && arguments.RequiresAllPorts)
        {
            throw new PortForwardException("nothing is forwarded, since not all ports can be had");
        }
        catch (ClusterException e)
        {
            throw Explain(e, arguments, flags, parsed);
        }

        await stdout.DisposeAsync();
        return outputFault switch
        {
            null => hasFailed ? Failure : Success,
            { IsClosed: true } => OutputClosed,
            _ => Failure,
        };

        int EndedBy(PosixSignal? signal) => !hasCommand || signal is null ? Success : SignalNumber.Ended + SignalNumber.Of(signal.Value);
    }

    /// <summary>Runs the command behind the forwards to its end. A forward that is lost meanwhile is told, and the command goes on.</summary>
    /// <returns>The command's exit code.</returns>
    /// <exception cref="RunException">It could not be started.</exception>
    private static async Task<int> RunCommandAsync(
        ForwardArguments arguments, ForwardSet forwards, ForwardView[] views, TerminationSignals signals, Func<ClusterException, ClusterException> explain)
    {
        signals.Requested.ThrowIfCancellationRequested();
        using var command = CommandRun.Start(arguments.Command, forwards, arguments.HasTemplates);
        signals.PassOnTo(command.PassOn);
        if (signals.Received is { } early)
        {
            command.PassOn(early);
        }

        _ = UntilEndedAsync(views, throws: false, explain, static (_, _) => { });
        int exitCode = await command.ExitAsync();
        signals.PassOnTo(_ => signals.RequestAtOnce()); // From now on they end what is still being drained.
        await forwards.StopAsync(signals.Repeated);
        return exitCode;
    }

    /// <summary>Waits until all have ended. Of several, one that is lost for good is told, and the others go on.</summary>
    /// <returns>Whether one was lost.</returns>
    /// <exception cref="ClusterException">The only one is lost.</exception>
    private static async Task<bool> UntilEndedAsync(
        ForwardView[] views, bool throws, Func<ClusterException, ClusterException> explain, Action<ForwardView, ClusterException?> tellEnd)
    {
        bool[] lost = await Task.WhenAll(views.Select(async view =>
        {
            try
            {
                await view.Forward.Completion;
                tellEnd(view, null);
                return false;
            }
            catch (ClusterException e)
            {
                tellEnd(view, e);
                if (throws)
                {
                    throw;
                }

                view.TellLost(explain(e));
                return true;
            }
        }));
        return lost.Contains(true);
    }

    /// <summary>Writes the ports file, if one is asked for.</summary>
    private static PortsFile? WritePorts(OutputArguments output, ForwardSet forwards, LineWriter stdout, int failure)
    {
        if (output.PortsFile is not { } file)
        {
            return null;
        }

        string text = output.ArePortsVariables ? PortsFile.Variables(forwards) : PortsFile.Json(forwards);
        if (file != OutputArguments.Stdout)
        {
            return PortsFile.Write(file, text, failure);
        }

        stdout.Write(text);
        return null;
    }

    /// <summary>Adds what the user can do about a fault with the flags of this command line.</summary>
    private static ClusterException Explain(ClusterException e, ForwardArguments arguments, ForwardFlags flags, ParseResult parsed)
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
