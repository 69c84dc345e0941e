using System.CommandLine;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using PortForward.Cli.Output;
using PortForward.Cli.Startup;
using PortForward.Cluster;
using PortForward.Cluster.Api;
using PortForward.Forwarding;

namespace PortForward.Cli.Commands;

/// <summary>One run of the program: a forward of the library, with the signals that end it, the lines that tell of it, and the exit code.</summary>
internal static class ForwardRun
{
    private const int Success = 0;
    private const int Failure = 1;

    /// <summary>What a shell reports for a program that SIGPIPE ended, which is how kubectl ends when its stdout is closed.</summary>
    private const int OutputClosed = 128 + 13;

    /// <summary>Forwards until a signal or a closed stdout.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="ClusterException">The cluster side of the start failed, or the target is lost for good.</exception>
    /// <exception cref="PortForwardException">No port can be listened on.</exception>
    public static async Task<int> RunAsync(ForwardArguments arguments, ForwardFlags flags, ParseResult parsed, Stderr stderr, ILoggerFactory loggers)
    {
        long started = Stopwatch.GetTimestamp();
        SocketCompletions.RunInline();
        _ = Task.Run(ApiClient.WarmUp);
        bool verbose = parsed.GetValue(flags.Verbose);
        using var signals = new TerminationSignals();
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

        try
        {
            await using ClusterClient cluster = ClusterFlags.Connect(flags, parsed, arguments, out string? context, loggers);
            stderr.Forward = new ForwardIdentity(arguments.Target.Name, arguments.Target.ToString(), cluster.Namespace, context);
            using var renderer = new EventRenderer(stdout.WriteLine, stderr, verbose, arguments.Target, started);
            ForwardOptions options = arguments.Options with { OnEvent = OnEvent, WithinLimits = WithinDescriptors };
            await using Forward forward = await cluster.ForwardAsync(arguments.TargetText, arguments.PortTexts, options, signals.Requested);
            using CancellationTokenRegistration stop = signals.Requested.UnsafeRegister(_ => _ = forward.StopAsync(signals.Repeated), null);
            await forward.Completion;

            ForwardOptions WithinDescriptors(ForwardOptions wanted)
            {
                DescriptorBudget budget = arguments.DivideDescriptors();
                cluster.Tunnels.Most = budget.MaxTunnels;
                return wanted with { MaxConnections = budget.MaxConnections };
            }

            void OnEvent(ForwardEvent forwardEvent)
            {
                if (forwardEvent is ListenerOpened)
                {
                    signals.ListenersOpened();
                }
                else if (forwardEvent is ConnectionClosed)
                {
                    memory.ConnectionEnded();
                }

                renderer.Render(forwardEvent);
            }
        }
        catch (OperationCanceledException) when (signals.Requested.IsCancellationRequested)
        {
            // Asked to end before it was ready: as good an end as any.
        }
        catch (ClusterException e) when (e.Fault is not null)
        {
            bool othersMayWork = parsed.GetValue(flags.Transport) is not (null or "auto") && e.OtherTransportMayWork;
            throw othersMayWork ? e.With($" (only {arguments.Transports[0]} was tried; --transport auto tries the others too)")
                : e.Fault.FailedTransport is not null && !verbose ? e.With(" (--verbose tells what the other transports met with)")
                : e;
        }

        await stdout.DisposeAsync();
        return outputFault switch
        {
            null => Success,
            { IsClosed: true } => OutputClosed,
            _ => Failure,
        };
    }
}
