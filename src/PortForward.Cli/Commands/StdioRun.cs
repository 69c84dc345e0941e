using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using PortForward.Cli.Output;
using PortForward.Cluster;
using PortForward.Cluster.Api;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cli.Commands;

/// <summary>One run of the program with <c>-W</c>: stdin and stdout are one connection to a port of the target, and nothing is listened on.</summary>
internal static class StdioRun
{
    /// <summary>Carries the connection to its end.</summary>
    /// <returns>The exit code: 0 only after a whole answer. A signal may have cut it, and so has a code of its own.</returns>
    /// <exception cref="ClusterException">The target cannot be reached.</exception>
    public static async Task<int> RunAsync(ForwardArguments arguments, ForwardFlags flags, ParseResult parsed, Stderr stderr, ILoggerFactory loggers)
    {
        long started = Stopwatch.GetTimestamp();
        SocketCompletions.RunInline();
        _ = Task.Run(ApiClient.WarmUp);
        using var signals = new TerminationSignals(EndedBy);
        TargetWords target = arguments.Targets[0];
        bool isVerbose = parsed.GetValue(flags.Verbose);
        bool isOpen = false;
        using var renderer = new EventRenderer(stderr.Tell, isVerbose, TargetReference.Parse(target.Target), started);

        // For one connection nothing is opened in advance.
        ForwardArguments single = arguments with { WarmConnections = 0 };
        ForwardOptions dials = arguments.Options with { MinimumIdle = 0, OnEvent = Tell };
        try
        {
            (ClusterClient connected, _) = ClusterFlags.Connect(flags, parsed, single, named: null, loggers, dials);
            await using ClusterClient cluster = connected;
            await using PodStream stream = await cluster.DialAsync(target.Target, target.Ports[0], target.Namespace, signals.Requested);
            isOpen = true;
            StdioEnd end = await new StdioCopy(stream).RunAsync().WaitAsync(signals.Requested);
            if (end.Error is not null)
            {
                stderr.Tell(UserMessages.Failed($"error: {end.Error}", end.Reason));
            }

            return end.ExitCode;
        }
        catch (OperationCanceledException) when (signals.Requested.IsCancellationRequested)
        {
            return EndedBy(signals.Received);
        }
        catch (ClusterException e)
        {
            throw ForwardRun.WithAdvice(e, arguments, flags, parsed);
        }

        // What becomes of the target concerns other connections than this one, whose own end is told.
        void Tell(ForwardEvent next)
        {
            if (!Volatile.Read(ref isOpen) || isVerbose)
            {
                renderer.Render(next);
            }
        }
    }

    private static int EndedBy(PosixSignal? signal) => SignalNumber.Ended + SignalNumber.Of(signal ?? PosixSignal.SIGTERM);
}
