using Microsoft.Extensions.Logging;
using PortForward.Cluster.Api;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;
using PortForward.Tunnels;

namespace PortForward.Cluster;

/// <summary>
/// Starts what leads to a target, in the order in which things happen: resolve, wait for a pod, open the first tunnel. What cannot work is known before anybody
/// is told that it does. All targets of a server share its connection, its credentials, and what is known of its transports.
/// </summary>
/// <param name="connection">The way to the API server.</param>
/// <param name="transports">The names of the transports, the preferred one first.</param>
/// <param name="time">The clock.</param>
/// <param name="loggers">For diagnostics.</param>
internal sealed class TargetStarter(ClusterConnection connection, IReadOnlyList<string> transports, TimeProvider time, ILoggerFactory loggers)
{
    /// <summary>How many pods may go between being chosen and being reached, before the start has failed.</summary>
    private const int MaxTries = 3;

    private readonly TransportMemory _memory = new();
    private readonly ApiClient _api = new(connection.Invoker, connection.Server, time, loggers.CreateLogger<ApiClient>())
    {
        RequestTimeout = connection.RequestTimeout ?? TimeSpan.Zero,
    };

    /// <summary>The name of the transport in use; empty until the server has accepted one.</summary>
    public string Transport => _memory.Works ?? _memory.Accepted ?? "";

    /// <summary>Starts it.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="cancellationToken">Ends the start, and also the proof of the first tunnel, which may come later.</param>
    /// <exception cref="ClusterException">The target cannot be reached.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; nothing is left of the start.</exception>
    public async Task<StartedTarget> StartAsync(StartRequest request, CancellationToken cancellationToken)
    {
        TunnelDialOptions limits = TunnelDialers.Limits(connection.RequestTimeout) with { LivenessTimeout = request.LivenessTimeout, Time = time };
        var dialers = new TunnelDialers(connection, transports, _memory, limits, (transport, fault) => request.Tell(new TransportFailed(transport, fault)), loggers);
        await using (dialers.ConfigureAwait(false))
        {
            if (request.Target.Kind == TargetKind.Pod)
            {
                dialers.BeginFirstDial(request.Namespace, request.Target.Name);
            }

            for (int tries = 1; ; tries++)
            {
                // If the pod that was chosen has gone before a tunnel was established, as happens during a rollout, its successor is found in the same way.
                if (await TryAsync(request, dialers, isLast: tries == MaxTries, cancellationToken).ConfigureAwait(false) is { } started)
                {
                    return started;
                }
            }
        }
    }

    private async Task<StartedTarget?> TryAsync(StartRequest request, TunnelDialers dialers, bool isLast, CancellationToken cancellationToken)
    {
        ResolvedTarget target = await ResolveAsync(request, dialers, cancellationToken).ConfigureAwait(false);
        foreach (string note in target.Notes)
        {
            request.Tell(new TargetNote(note));
        }

        var router = new PodRouter(_api, target, pod => dialers.ToPod(target.Namespace, pod), request.OnFound(), loggers.CreateLogger<PodRouter>());
        bool isStarted = false;
        try
        {
            if (await router.ConnectAsync(cancellationToken).ConfigureAwait(false) is not { } fault)
            {
                isStarted = true;
                connection.KeepWarm();
                return new StartedTarget(target, router, connection.CountWaiting(router));
            }

            bool hasGone = UpgradeRefusal.SaysPodIsGone(fault, target.PodName) && request.Target.Kind != TargetKind.Pod;
            return hasGone && !isLast ? null : throw FaultText.Describe(fault, target.PodName);
        }
        finally
        {
            if (!isStarted)
            {
                await router.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task<ResolvedTarget> ResolveAsync(StartRequest request, TunnelDialers dialers, CancellationToken cancellationToken)
    {
        var resolver = new TargetResolver(_api, time, loggers.CreateLogger<TargetResolver>());
        bool waited = false;
        var progress = new DirectProgress<PodWaitProgress>(waiting =>
        {
            waited = true;
            _ = dialers.DropFirstDialAsync();
            request.Tell(new PodAwaited(waiting));
        });
        ResolvedTarget target = await resolver
            .ResolveAsync(request.Target, request.Namespace, request.Ports, request.PodRunningTimeout, progress, cancellationToken).ConfigureAwait(false);
        if (waited)
        {
            request.Tell(new PodRunning(target.PodName));
        }

        return target;
    }

    /// <summary>Reports progress at once; <see cref="Progress{T}"/> would report later, from another thread and out of order.</summary>
    private sealed class DirectProgress<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
