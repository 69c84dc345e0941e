using Microsoft.Extensions.Logging;
using PortForward.Cluster.Api;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Objects;
using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Cluster;

/// <summary>
/// Starts what leads to a target, in the order in which things happen: resolve, wait for a pod, open the first tunnel. What cannot work is known before anybody
/// is told that it does. All targets of a server share its connection, its credentials, and what is known of its transports.
/// </summary>
internal sealed class TargetStarter : IAsyncDisposable
{
    /// <summary>How many pods may go between being chosen and being reached, before the start has failed.</summary>
    private const int MaxTries = 3;

    /// <summary>How many look-ups there are at a time, and so connections for them.</summary>
    private const int MaxLookUps = 4;

    private readonly ClusterConnection _connection;
    private readonly IReadOnlyList<string> _transports;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _loggers;
    private readonly TransportMemory _memory = new();
    private readonly ApiClient _api;

    /// <summary>Prepares to start targets of one server.</summary>
    /// <param name="connection">The way to the API server.</param>
    /// <param name="transports">The names of the transports, the preferred one first.</param>
    /// <param name="maxTunnels">How many tunnels there may be over all targets.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">For diagnostics.</param>
    public TargetStarter(ClusterConnection connection, IReadOnlyList<string> transports, int maxTunnels, TimeProvider time, ILoggerFactory loggers)
    {
        Tunnels = new TunnelBudget(maxTunnels);
        _connection = connection;
        _transports = transports;
        _time = time;
        _loggers = loggers;
        _api = new ApiClient(connection.Invoker, connection.Server, time, loggers.CreateLogger<ApiClient>())
        {
            RequestTimeout = connection.RequestTimeout ?? TimeSpan.Zero,
            LookUps = new LookUpGate(MaxLookUps, time),
        };
        Feeds = new PodFeeds(_api.WithTimeout(PodWatch.LookUpTimeout), time, loggers.CreateLogger<PodFeeds>());
    }

    /// <summary>How many tunnels there may be over all targets.</summary>
    public TunnelBudget Tunnels { get; }

    /// <summary>How the pods of all targets are followed.</summary>
    public PodFeeds Feeds { get; }

    /// <summary>The name of the transport in use; empty until the server has accepted one.</summary>
    public string Transport => _memory.Works ?? _memory.Accepted ?? "";

    /// <summary>Starts it.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="cancellationToken">Ends the start, and also the proof of the first tunnel, which may come later.</param>
    /// <exception cref="ClusterException">The target cannot be reached.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; nothing is left of the start.</exception>
    public async Task<StartedTarget> StartAsync(StartRequest request, CancellationToken cancellationToken)
    {
        if (TargetReference.CheckName(request.Namespace, "namespace") is { } invalid)
        {
            throw new ClusterException(invalid); // Before anything is sent to a path that it would be part of.
        }

        TunnelDialOptions limits = TunnelDialers.Limits(_connection.RequestTimeout) with { LivenessTimeout = request.LivenessTimeout, Time = _time };
        var dialers = new TunnelDialers(_connection, _transports, _memory, limits, (transport, fault) => request.Tell(new TransportFailed(transport, fault)), _loggers);
        await using (dialers.ConfigureAwait(false))
        {
            if (request.Target.Kind == TargetKind.Pod)
            {
                dialers.BeginFirstDial(request.Namespace, request.Target.Name);
            }

            for (int tries = 1; ; tries++)
            {
                // If the pod that was chosen has gone before a tunnel was established, as happens during a rollout, its successor is found in the same way.
                if (await TryAsync(request, dialers, tries, cancellationToken).ConfigureAwait(false) is { } started)
                {
                    return started;
                }
            }
        }
    }

    /// <summary>Checks that a target and its ports exist. The ports of a workload are those of its pods, of which there may be none now.</summary>
    /// <exception cref="ClusterException">They do not, or it cannot be looked up.</exception>
    public async Task CheckAsync(TargetReference target, string @namespace, IReadOnlyList<PortSpec> ports, CancellationToken cancellationToken)
    {
        if (TargetReference.CheckName(@namespace, "namespace") is { } invalid)
        {
            throw new ClusterException(invalid);
        }

        TargetObject found = await TargetResolver.ReadTargetAsync(_api, target, @namespace, cancellationToken).ConfigureAwait(false);
        if (found.Service is not null)
        {
            PortTranslation.CheckService(ports, found.Service);
            return;
        }

        IReadOnlyList<Pod> pods = found.Pod is not null ? [found.Pod]
            : (await _api.ListAsync(ApiResources.Pods, @namespace, found.PodSelection, cancellationToken).ConfigureAwait(false)).Items;
        if (pods is [var pod, ..])
        {
            _ = PortTranslation.ForPod(ports, pod);
        }
    }

    /// <summary>The services of a namespace.</summary>
    /// <exception cref="ClusterException">They cannot be listed, or there is no such namespace.</exception>
    public async Task<IReadOnlyList<Service>> ListServicesAsync(string @namespace, CancellationToken cancellationToken)
    {
        if (TargetReference.CheckName(@namespace, "namespace") is { } invalid)
        {
            throw new ClusterException(invalid);
        }

        IReadOnlyList<Service> services = (await _api.ListAsync(ApiResources.Services, @namespace, ApiSelection.All, cancellationToken).ConfigureAwait(false)).Items;
        return services.Count == 0 && await _api.FindMissingNamespaceAsync(@namespace, cancellationToken).ConfigureAwait(false) is { } missing ? throw missing : services;
    }

    /// <summary>Waits until nothing is asked of the server any more. All that was started must have ended.</summary>
    public ValueTask DisposeAsync() => Feeds.DisposeAsync();

    private async Task<StartedTarget?> TryAsync(StartRequest request, TunnelDialers dialers, int tries, CancellationToken cancellationToken)
    {
        ResolvedTarget target = await ResolveAsync(request, dialers, tries == 1 ? Feeds : null, cancellationToken).ConfigureAwait(false);
        foreach (string note in target.Notes)
        {
            request.Tell(new TargetNote(note));
        }

        var router = new PodRouter(_api, target, pod => dialers.ToPod(target.Namespace, pod), request.OnFound(), _loggers.CreateLogger<PodRouter>(), Feeds);
        bool isStarted = false;
        try
        {
            if (await router.ConnectAsync(cancellationToken).ConfigureAwait(false) is not { } fault)
            {
                isStarted = true;
                _connection.KeepWarm();
                return new StartedTarget(target, router, _connection.CountWaiting(router));
            }

            bool hasGone = UpgradeRefusal.SaysPodIsGone(fault, target.PodName) && request.Target.Kind != TargetKind.Pod;
            if (hasGone)
            {
                Feeds.Renew(target.Namespace); // It tells of a pod that is not there any more.
            }

            return hasGone && tries < MaxTries ? null : throw FaultText.Describe(fault, target.PodName);
        }
        finally
        {
            if (!isStarted)
            {
                await router.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task<ResolvedTarget> ResolveAsync(StartRequest request, TunnelDialers dialers, PodFeeds? feeds, CancellationToken cancellationToken)
    {
        var resolver = new TargetResolver(_api, _time, _loggers.CreateLogger<TargetResolver>(), feeds);
        bool waited = false;
        var progress = new DirectProgress<PodWaitProgress>(waiting =>
        {
            waited = true;
            _ = dialers.DropFirstDialAsync();
            request.Tell(new PodAwaited(waiting.ToString()));
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
