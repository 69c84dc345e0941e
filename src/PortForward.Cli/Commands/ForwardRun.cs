using System.CommandLine;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using PortForward.Cli.Output;
using PortForward.Cluster;
using PortForward.Cluster.Api;
using PortForward.Cluster.Targets;
using PortForward.Cluster.Transport;
using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cli.Commands;

/// <summary>One run of a forward, in the order in which things happen: connect, resolve, dial, listen, serve, end.</summary>
internal static class ForwardRun
{
    private const int Success = 0;

    /// <summary>What a shell reports for a program that SIGPIPE ended, which is how kubectl ends when its stdout is closed.</summary>
    private const int OutputClosed = 128 + 13;

    /// <summary>Forwards until a signal or a closed stdout.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="ClusterException">The cluster side of the start failed.</exception>
    /// <exception cref="PortForwardException">The forward could not start.</exception>
    public static async Task<int> RunAsync(ForwardOptions options, ForwardFlags flags, ParseResult parsed, ILoggerFactory loggers)
    {
        long started = Stopwatch.GetTimestamp();
        bool verbose = parsed.GetValue(flags.Verbose);
        ILogger stderr = loggers.CreateLogger(Stderr.UserCategory);
        using var signals = new TerminationSignals();
        bool outputClosed = false;
        await using var stdout = new LineWriter(StandardStream.Output, onClosed: () =>
        {
            outputClosed = true;
            signals.Request();
        });

        try
        {
            using ClusterConnection cluster = ClusterFlags.Connect(flags, parsed, loggers);
            ResolvedTarget target = await ResolveAsync(options, cluster, stderr, loggers, signals.Requested);
            foreach (string note in target.Notes)
            {
                stderr.Note(note);
            }

            ITunnelDialer dialer = CreateDialer(cluster, target, loggers);
            var pool = new TunnelPool(dialer, options: null, loggers.CreateLogger<TunnelPool>());
            var renderer = new EventRenderer(stdout.WriteLine, stderr, verbose, fault => ClusterFlags.Describe(fault).Message);
            var forwarder = new PortForwarder(
                pool,
                options.Addresses,
                [.. target.Ports.Select(port => new Forwarding.PortMapping(port.LocalPort, port.PodPort))],
                new PortForwarderOptions { OnEvent = renderer.Render });
            try
            {
                Task run = forwarder.RunAsync(signals.Requested);
                if (verbose)
                {
                    await forwarder.Ready;
                    stderr.Ready(target.PodName, target.Namespace, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                }

                await run;
            }
            catch (PortForwardException e) when (e.Fault is not null)
            {
                throw ClusterFlags.Describe(e.Fault);
            }
        }
        catch (OperationCanceledException) when (signals.Requested.IsCancellationRequested)
        {
            // Asked to end before it was ready: as good an end as any.
        }

        return outputClosed ? OutputClosed : Success;
    }

    /// <summary>The transports that kubectl knows, in its order.</summary>
    private static ITunnelDialer CreateDialer(ClusterConnection cluster, ResolvedTarget target, ILoggerFactory loggers)
    {
        Uri uri = cluster.PortForwardUri(target.Namespace, target.PodName);
        TunnelDialOptions? options = cluster.RequestTimeout is { } timeout ? new TunnelDialOptions { AnswerTimeout = timeout } : null;
        var spdy = new SpdyUpgradeDialer(cluster.Invoker, uri, options, loggers.CreateLogger<SpdyUpgradeDialer>());
        if (WebSocketsAreOff())
        {
            return spdy;
        }

        var webSocket = new WebSocketTunnelDialer(cluster.Invoker, uri, options, loggers.CreateLogger<WebSocketTunnelDialer>());
        return new FallbackDialer([webSocket, spdy], loggers.CreateLogger<FallbackDialer>());
    }

    /// <summary>kubectl's switch; the values are those that Go takes for false.</summary>
    private static bool WebSocketsAreOff() =>
        Environment.GetEnvironmentVariable("KUBECTL_PORT_FORWARD_WEBSOCKETS") is "0" or "f" or "F" or "false" or "FALSE" or "False";

    private static Task<ResolvedTarget> ResolveAsync(
        ForwardOptions options, ClusterConnection cluster, ILogger stderr, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var api = new ApiClient(cluster.Invoker, cluster.Server, time: null, loggers.CreateLogger<ApiClient>()) { RequestTimeout = cluster.RequestTimeout ?? TimeSpan.Zero };
        var resolver = new TargetResolver(api, time: null, loggers.CreateLogger<TargetResolver>());
        var progress = new DirectProgress<PodWaitProgress>(waiting => stderr.Waiting(waiting.ToString()));
        return resolver.ResolveAsync(options.Target, cluster.Namespace, options.Ports, options.PodRunningTimeout, progress, cancellationToken);
    }

    /// <summary>Reports where it stands; <see cref="Progress{T}"/> would report later, from another thread and out of order.</summary>
    private sealed class DirectProgress<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
