using System.CommandLine;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using PortForward.Cli.Output;
using PortForward.Cli.Startup;
using PortForward.Cluster;
using PortForward.Cluster.Api;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cli.Commands;

/// <summary>One run of a forward, in the order in which things happen: connect, resolve, dial, listen, serve, end.</summary>
internal static class ForwardRun
{
    private const int Success = 0;
    private const int Failure = 1;

    /// <summary>How many pods may go between being chosen and being reached, before the start has failed.</summary>
    private const int MaxTries = 3;

    /// <summary>What a shell reports for a program that SIGPIPE ended, which is how kubectl ends when its stdout is closed.</summary>
    private const int OutputClosed = 128 + 13;

    /// <summary>Forwards until a signal or a closed stdout.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="ClusterException">The cluster side of the start failed.</exception>
    /// <exception cref="PortForwardException">The forward could not start.</exception>
    public static async Task<int> RunAsync(ForwardArguments options, ForwardFlags flags, ParseResult parsed, Stderr stderr, ILoggerFactory loggers)
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
            using ClusterConnection cluster = ClusterFlags.Connect(flags, parsed, options.WarmConnections, out string? context, loggers);
            stderr.Forward = new ForwardIdentity(options.Target.Name, options.Target.ToString(), cluster.Namespace, context);
            var api = new ApiClient(cluster.Invoker, cluster.Server, time: null, loggers.CreateLogger<ApiClient>())
            {
                RequestTimeout = cluster.RequestTimeout ?? TimeSpan.Zero,
            };
            Action<string, TunnelFault>? onTransportFailed = verbose
                ? (transport, fault) => stderr.Tell(UserMessages.TransportFailed(transport, FaultText.OfTransport(fault), Reasons.Of(fault)))
                : null;
            TunnelDialOptions limits = TunnelDialers.Limits(cluster.RequestTimeout) with { LivenessTimeout = options.LivenessTimeout };
            await using var transports = new TunnelDialers(cluster, options.Transports, new TransportMemory(), limits, onTransportFailed, loggers);
            if (options.Target.Kind == TargetKind.Pod)
            {
                transports.BeginFirstDial(cluster.Namespace, options.Target.Name);
            }

            for (int tries = 1; !await TryAsync(isLast: tries == MaxTries); tries++)
            {
                // The pod that was chosen has gone before a tunnel was established, as happens during a rollout. Its successor is found in the same way.
            }

            async Task<bool> TryAsync(bool isLast)
            {
                ResolvedTarget target = await ResolveAsync(options, cluster.Namespace, api, transports, stderr, loggers, signals.Requested);
                foreach (string note in target.Notes)
                {
                    stderr.Tell(UserMessages.Note(note, Reasons.Target));
                }

                // Now the program has opened nearly all that it needs for itself.
                ForwardArguments affordable = options.Within(DescriptorLimit.Current, DescriptorLimit.InUse());
                using var renderer = new EventRenderer(stdout.WriteLine, stderr, verbose, target.Target);
                cluster.OnLoginNeeded = renderer.Render;
                var router = new PodRouter(
                    api,
                    target,
                    pod => transports.ToPod(target.Namespace, pod),
                    affordable.Routing with { OnEvent = renderer.Render },
                    loggers.CreateLogger<PodRouter>());
                var forwarder = new PortForwarder(
                    cluster.CountWaiting(router),
                    options.Addresses,
                    [.. target.Ports.Select(port => new Forwarding.PortMapping(port.LocalPort, port.PodPort))],
                    affordable.Forwarding with { OnEvent = OnEvent });

                void OnEvent(ForwardEvent forwardEvent)
                {
                    if (forwardEvent is ListenerOpened)
                    {
                        cluster.KeepWarm();
                        signals.ListenersOpened();
                    }
                    else if (forwardEvent is ConnectionClosed)
                    {
                        memory.ConnectionEnded();
                    }

                    renderer.Render(forwardEvent);
                }

                try
                {
                    Task run = forwarder.RunAsync(signals.Requested, signals.Repeated);
                    if (verbose)
                    {
                        await Task.WhenAny(forwarder.Ready, run);
                        if (forwarder.Ready.IsCompletedSuccessfully)
                        {
                            stderr.Tell(UserMessages.Ready(target.PodName, target.Namespace, transports.InUse, Stopwatch.GetElapsedTime(started)));
                        }
                    }

                    await run;
                    return true;
                }
                catch (PortForwardException e) when (UpgradeRefusal.SaysPodIsGone(e.Fault, target.PodName) && !forwarder.Ready.IsCompletedSuccessfully
                    && options.Target.Kind != TargetKind.Pod && !isLast)
                {
                    return false;
                }
                catch (PortForwardException e) when (e.Fault is not null)
                {
                    ClusterException described = FaultText.Describe(e.Fault);
                    bool othersMayWork = parsed.GetValue(flags.Transport) is not (null or "auto")
                        && FallbackDialer.OtherTransportMayWork(e.Fault, UpgradeRefusal.Read(e.Fault, target.PodName));
                    throw othersMayWork ? described.With($" (only {options.Transports[0]} was tried; --transport auto tries the others too)")
                        : e.Fault.FailedTransport is not null && !verbose ? described.With(" (--verbose tells what the other transports met with)")
                        : described;
                }
            }
        }
        catch (OperationCanceledException) when (signals.Requested.IsCancellationRequested)
        {
            // Asked to end before it was ready: as good an end as any.
        }

        await stdout.DisposeAsync();
        return outputFault switch
        {
            null => Success,
            { IsClosed: true } => OutputClosed,
            _ => Failure,
        };
    }

    private static async Task<ResolvedTarget> ResolveAsync(
        ForwardArguments options, string @namespace, ApiClient api, TunnelDialers transports, Stderr stderr, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var resolver = new TargetResolver(api, time: null, loggers.CreateLogger<TargetResolver>());
        bool waited = false;
        var progress = new DirectProgress<PodWaitProgress>(waiting =>
        {
            waited = true;
            _ = transports.DropFirstDialAsync();
            stderr.Tell(UserMessages.Waiting(waiting.ToString()));
        });
        ResolvedTarget target = await resolver.ResolveAsync(options.Target, @namespace, options.Ports, options.PodRunningTimeout, progress, cancellationToken);
        if (waited)
        {
            stderr.Tell(UserMessages.Running(target.PodName));
        }

        return target;
    }

    /// <summary>Reports progress at once; <see cref="Progress{T}"/> would report later, from another thread and out of order.</summary>
    private sealed class DirectProgress<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
