using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cluster;

/// <summary>
/// Dials streams. Those to one target share a router, whatever their ports; it is kept for a while after its last stream, and then let go. A start that has failed is
/// not kept.
/// </summary>
/// <param name="starter">Starts the routers.</param>
/// <param name="options">How the targets are followed, and the streams are treated.</param>
/// <param name="livenessTimeout">How long a tunnel may be silent before it counts as dead.</param>
/// <param name="time">The clock.</param>
internal sealed class DialRouters(TargetStarter starter, ForwardOptions options, TimeSpan livenessTimeout, TimeProvider time) : IAsyncDisposable
{
    /// <summary>How long a router is kept that nobody uses: long enough for what comes again and again, such as a job of every minute.</summary>
    internal static readonly TimeSpan KeepTime = TimeSpan.FromMinutes(2);

    private readonly PortForwarderOptions _streams = options.Forwarding(time, static _ => { });
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Guards the fields below it, and the routers' uses.</summary>
    private readonly Lock _gate = new();
    private readonly Dictionary<(TargetReference Target, string Namespace), DialRouter> _byTarget = [];

    /// <summary>All that have not ended, also those that take no further stream.</summary>
    private readonly HashSet<DialRouter> _alive = [];

    /// <summary>How many routers there are.</summary>
    internal int Count
    {
        get
        {
            lock (_gate)
            {
                return _alive.Count;
            }
        }
    }

    /// <summary>Opens a stream. It returns when there is a tunnel to a pod for it.</summary>
    /// <exception cref="ClusterException">The target cannot be reached.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled, or the routers were disposed.</exception>
    public async Task<PodStream> DialAsync(TargetReference target, string @namespace, PortSpec port, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        DialRouter router = Use(target, @namespace);
        bool isCarried = false;
        try
        {
            StartedTarget started = await router.Started.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            var opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var client = new StreamClientEnd(_streams);
            var pump = new ConnectionPump(client, started.Source, port.RemotePort ?? 0, started.Router.IndexOf(port), _streams) { OnOpened = opened.SetResult };
            var stop = new CancellationTokenSource();
            isCarried = true;
            Task<ConnectionEnd> run = CarryAsync(router, pump, stop);
            CancellationTokenRegistration unwanted = cancellationToken.UnsafeRegister(static stop => ((CancellationTokenSource)stop!).Cancel(), stop);
            await using (unwanted.ConfigureAwait(false))
            {
                await Task.WhenAny(opened.Task, run).ConfigureAwait(false);
            }

            if (opened.Task.IsCompleted && !cancellationToken.IsCancellationRequested)
            {
                return new PodStream(client, run, port.Remote, _streams);
            }

            // It has ended before anybody had it, or ends now that nobody wants it.
            await stop.CancelAsync().ConfigureAwait(false);
            ConnectionEnd end = await run.ConfigureAwait(false);
            throw end.Fault is { } fault && !cancellationToken.IsCancellationRequested ? FaultText.Describe(fault) : new OperationCanceledException(cancellationToken);
        }
        finally
        {
            if (!isCarried)
            {
                Leave(router);
            }
        }
    }

    /// <summary>Ends all streams and routers.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        Task[] lives;
        lock (_gate)
        {
            lives = [.. _alive.Select(router => router.Completion)];
        }

        await Task.WhenAll(lives).ConfigureAwait(false);
    }

    /// <summary>The router of a target, started if there is none; <see cref="Leave"/> ends its use.</summary>
    private DialRouter Use(TargetReference target, string @namespace)
    {
        lock (_gate)
        {
            if (_stopping.IsCancellationRequested)
            {
                throw new OperationCanceledException("The client was disposed.");
            }

            if (!_byTarget.TryGetValue((target, @namespace), out DialRouter? router) || router.IsLost)
            {
                router = new DialRouter(target, @namespace);
                _byTarget[(target, @namespace)] = router;
                _alive.Add(router);
                router.Completion = Task.Run(() => LiveAsync(router));
            }

            router.Uses++;
            return router;
        }
    }

    private void Leave(DialRouter router)
    {
        lock (_gate)
        {
            router.Uses--;
            router.UsedAt = time.GetTimestamp();
            if (router.Uses == 0 && !router.Started.Task.IsCompleted)
            {
                Retire(router);
                _ = router.Unwanted.CancelAsync();
            }
        }

        router.Changed.Signal();
    }

    private async Task<ConnectionEnd> CarryAsync(DialRouter router, ConnectionPump pump, CancellationTokenSource stop)
    {
        try
        {
            CancellationTokenRegistration disposed = _stopping.Token.UnsafeRegister(static stop => ((CancellationTokenSource)stop!).Cancel(), stop);
            await using (disposed.ConfigureAwait(false))
            {
                return await pump.RunAsync(stop.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            Leave(router);
        }
    }

    private async Task LiveAsync(DialRouter router)
    {
        PodRouter? running = null;
        Action<ForwardEvent> tell = options.OnEvent ?? (static _ => { });
        try
        {
            CancellationTokenRegistration disposed = _stopping.Token.UnsafeRegister(static unwanted => ((CancellationTokenSource)unwanted!).Cancel(), router.Unwanted);
            await using (disposed.ConfigureAwait(false))
            {
                // Without ports: each stream adds its own, so that a wrong one fails that stream alone.
                var request = new StartRequest(router.Target, router.Namespace, Ports: [])
                {
                    PodRunningTimeout = options.PodRunningTimeout,
                    LivenessTimeout = livenessTimeout,
                    OnFound = () => options.Routing(livenessTimeout, starter.Tunnels, Timeout.InfiniteTimeSpan, time, tell),
                    Tell = tell,
                };
                StartedTarget started = await starter.StartAsync(request, router.Unwanted.Token).ConfigureAwait(false);
                running = started.Router;
                lock (_gate)
                {
                    // Whoever asked for it may have gone just now, and nobody would find it any more.
                    router.Unwanted.Token.ThrowIfCancellationRequested();
                    router.Started.SetResult(started);
                }

                await UntilUnusedAsync(router, running.Completion).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            // Not kept: whoever dials next starts anew.
            lock (_gate)
            {
                Retire(router);
            }

            router.Started.TrySetException(e);
            _ = router.Started.Task.Exception; // Observed: those who have waited may be gone.
        }

        if (running is not null)
        {
            await running.DisposeAsync().ConfigureAwait(false);
        }

        await UntilLeftAsync(router).ConfigureAwait(false);
        lock (_gate)
        {
            _alive.Remove(router);
        }
    }

    /// <summary>Waits until nobody has used a router for a while, or nobody can any more.</summary>
    /// <param name="router">The router.</param>
    /// <param name="lost">Completes when the target is lost for good: streams that are open go on, and whoever dials next starts anew.</param>
    private async Task UntilUnusedAsync(DialRouter router, Task lost)
    {
        while (!_stopping.IsCancellationRequested)
        {
            Task changed = router.Changed.Next;
            TimeSpan rest;
            lock (_gate)
            {
                TimeSpan unused = router.Uses == 0 ? time.GetElapsedTime(router.UsedAt) : TimeSpan.Zero;
                if (lost.IsCompleted || unused >= KeepTime)
                {
                    Retire(router);
                    if (router.Uses == 0)
                    {
                        return;
                    }
                }

                rest = router.Uses == 0 ? KeepTime - unused : Timeout.InfiniteTimeSpan;
            }

            using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
            await Task.WhenAny(changed, lost.IsCompleted ? changed : lost, Task.Delay(rest, time, ended.Token)).ConfigureAwait(false);
            await ended.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Waits until the streams that have used a router have ended, which they do with it.</summary>
    private async Task UntilLeftAsync(DialRouter router)
    {
        while (true)
        {
            Task changed = router.Changed.Next;
            lock (_gate)
            {
                if (router.Uses == 0)
                {
                    return;
                }
            }

            await changed.ConfigureAwait(false);
        }
    }

    /// <summary>Whoever dials next gets another router. Called with the gate held.</summary>
    private void Retire(DialRouter router)
    {
        if (_byTarget.GetValueOrDefault((router.Target, router.Namespace)) == router)
        {
            _byTarget.Remove((router.Target, router.Namespace));
        }
    }
}
