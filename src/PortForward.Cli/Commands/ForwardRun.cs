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
    internal const int OutputClosed = 128 + 13;

    /// <summary>Forwards until a signal or a closed stdout, or until the command has ended.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="ClusterException">The cluster side of the start failed, or the only target is lost for good.</exception>
    /// <exception cref="PortForwardException">A port cannot be listened on.</exception>
    /// <exception cref="RunException">The command or the ports file is no use.</exception>
    public static async Task<int> RunAsync(ForwardArguments arguments, ForwardFlags flags, ParseResult parsed, Stderr stderr, ILoggerFactory loggers)
    {
        long started = Stopwatch.GetTimestamp();
        SocketCompletions.RunInline();
        _ = Task.Run(ApiClient.WarmUp);
        bool hasCommand = arguments.Command.Count > 0;
        using var signals = new TerminationSignals(EndedBy);
        using var memory = new MemoryRelease(TimeProvider.System, MemoryRelease.ToSystem);
        await using var output = new RunOutput(arguments.Output, hasCommand, hasCommand ? CommandRun.NotStarted : Failure, fault =>
        {
            if (fault.IsWorthTelling)
            {
                stderr.Tell(UserMessages.OutputFailed(fault.Reason));
            }

            signals.RequestAtOnce();
        });

        bool hasFailed = false;
        bool isReady = false;
        var views = new ForwardView[arguments.Targets.Count];
        var budget = new Lazy<DescriptorBudget>(arguments.DivideDescriptors); // Once the first target is known.
        try
        {
            await using RunClusters clusters = await RunClusters.ConnectAsync(flags, parsed, arguments, loggers);
            await using ForwardSet forwards = clusters.Prepare(arguments.Define(OptionsOf));
            arguments.CheckVariables(forwards);
            var run = new RunView(forwards.Count == 1, output, stderr)
            {
                AreLinesHeld = forwards.Count > 1 && arguments.RequiresAll,
                IsVerbose = parsed.GetValue(flags.Verbose),
                OnlyFaults = hasCommand,
                Started = started,
            };
            foreach ((int index, Forward forward) in forwards.Index())
            {
                views[index] = new ForwardView(forward, TargetReference.Parse(arguments.Targets[index].Target), clusters.ContextOf(index), run);
            }

            using var all = new ForwardViews(views);
            output.RemoveOlderPortsFile();
            await forwards.StartAsync(new ForwardSetOptions { RequireAll = arguments.RequiresAll, OnFailed = OnFailed }, signals.Requested);
            using PortsFile? portsFile = output.WritePortsFile(forwards);
            isReady = true;
            output.TellAllReady(forwards);
            if (hasCommand)
            {
                Task<bool> losses = UntilEndedAsync(views, throws: false, Explain, output.TellEnded);
                int exitCode = await CommandRun.RunAsync(arguments, forwards, signals);
                portsFile?.Dispose(); // Nobody can connect there any more.
                await forwards.StopAsync(signals.Repeated);
                await losses;
                return exitCode;
            }

            using CancellationTokenRegistration stop = signals.Requested.UnsafeRegister(
                _ =>
                {
                    portsFile?.Dispose();
                    _ = forwards.StopAsync(signals.Repeated);
                },
                null);
            hasFailed |= await UntilEndedAsync(views, throws: forwards.Count == 1, Explain, output.TellEnded);
            if (stderr.IsTerminal && !arguments.Output.IsQuiet)
            {
                stderr.Tell(UserMessages.Summary([.. forwards.Select(static forward => forward.Counters)]));
            }

            ForwardOptions OptionsOf(int index, ForwardOptions options) => options with
            {
                OnEvent = forwardEvent => OnEvent(views[index], forwardEvent),
                WithinLimits = WithinDescriptors,
            };

            ForwardOptions WithinDescriptors(ForwardOptions wanted)
            {
                clusters.Limit(budget.Value.MaxTunnels);
                return wanted with { MaxConnections = Math.Max(1, budget.Value.MaxConnections / arguments.Targets.Count) };
            }

            void OnFailed(Forward forward, Exception e)
            {
                hasFailed = true;
                TellLost(views.First(view => view.Forward == forward), e, Explain, output.TellEnded);
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
        catch (Exception e)
        {
            Exception told = e switch
            {
                PortForwardException when arguments.RequiresAllPorts && views.Any(static view => view is { HasToldPort: true }) => new PortForwardException("nothing is forwarded, since not all ports can be had"),
                ClusterException cluster => Explain(cluster),
                _ => e,
            };
            if (!isReady)
            {
                output.TellFailed(told);
            }

            if (told == e)
            {
                throw;
            }

            throw told;
        }

        await output.DisposeAsync();
        return output.Fault switch
        {
            null => hasFailed ? Failure : Success,
            { IsClosed: true } => OutputClosed,
            _ => Failure,
        };

        int EndedBy(PosixSignal? signal) => !hasCommand || signal is null ? Success : SignalNumber.Ended + SignalNumber.Of(signal.Value);

        ClusterException Explain(ClusterException e) => WithAdvice(e, arguments, flags, parsed);
    }

    /// <summary>Waits until all have ended. Of several, one that is lost for good is told, and the others go on.</summary>
    /// <returns>Whether one was lost.</returns>
    /// <exception cref="ClusterException">The only one is lost.</exception>
    private static async Task<bool> UntilEndedAsync(
        ForwardView[] views, bool throws, Func<ClusterException, ClusterException> explain, Action<ForwardView, Exception?> tellEnd)
    {
        bool[] lost = await Task.WhenAll(views.Select(async view =>
        {
            try
            {
                await view.Forward.Completion;
                tellEnd(view, null);
                return false;
            }
            catch (OperationCanceledException)
            {
                return false; // The end was asked for before it was ready.
            }
            catch (Exception e) when (!throws)
            {
                TellLost(view, e, explain, tellEnd);
                return true;
            }
            catch (Exception e)
            {
                tellEnd(view, e);
                throw;
            }
        }));
        return lost.Contains(true);
    }

    private static void TellLost(ForwardView view, Exception e, Func<ClusterException, ClusterException> explain, Action<ForwardView, Exception?> tellEnd)
    {
        if (view.TryEnd())
        {
            tellEnd(view, e);
            if (e is not PortForwardException || !view.HasToldPort)
            {
                view.TellLost(e is ClusterException cluster ? explain(cluster) : e);
            }
        }
    }

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
