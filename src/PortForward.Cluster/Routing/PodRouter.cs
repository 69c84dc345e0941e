using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PortForward.Cluster.Api;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;
using PortForward.IO;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Cluster.Routing;

/// <summary>
/// Leads connections to the pod that serves the target now: follows the target from pod to pod, reconnects, and lets connections wait
/// while there is none. Each pod has tunnels of its own, and keeps them until its last connection has ended.
/// </summary>
/// <remarks>
/// One loop makes all decisions. The watch on the pods, tunnels that end, dials, and the clock signal it. Connections only read its latest decision.
/// <see cref="TargetFollower"/> decides.
/// </remarks>
internal sealed class PodRouter : ITunnelSource
{
    /// <summary>How long the watch may take to tell what a pod's runtime knows already.</summary>
    private static readonly TimeSpan WatchDelay = TimeSpan.FromSeconds(1);

    private readonly Func<string, ITunnelDialer> _createDialer;
    private readonly PodRouterOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly PodWatch _watch;
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationToken _stopped;
    private readonly TaskCompletionSource<TunnelFault> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Lets the loop decide anew.</summary>
    private readonly AsyncSignal _newFacts = new();

    /// <summary>Lets connections that wait for a pod ask again for one.</summary>
    private readonly AsyncSignal _newDecision = new();

    /// <summary>Events that were not reported yet.</summary>
    private readonly ConcurrentQueue<ForwardEvent> _events = new();

    /// <summary>Guards the fields below it.</summary>
    private readonly Lock _gate = new();
    private readonly TargetFollower _follower;
    private readonly RouteTable _routes;
    private readonly RouteReview _review;
    private IReadOnlyList<PortSpec> _ports;
    private TargetObject _translated;
    private bool _disposed;

    private volatile bool _isConnected;
    private Task _loop = Task.CompletedTask;
    private Task _watching = Task.CompletedTask;
    private Task _refreshing = Task.CompletedTask;

    /// <summary>Creates a router that begins with the pod that was found.</summary>
    /// <param name="api">For the watch on the pods.</param>
    /// <param name="target">The target, resolved.</param>
    /// <param name="createDialer">Makes the dialer for a pod of the given name.</param>
    /// <param name="options">How the target is followed; the defaults if null.</param>
    /// <param name="logger">For diagnostics; none if null.</param>
    /// <param name="feeds">How the pods are followed, if other targets are followed too; in a way of its own if null.</param>
    internal PodRouter(
        ApiClient api, ResolvedTarget target, Func<string, ITunnelDialer> createDialer, PodRouterOptions? options = null, ILogger? logger = null, PodFeeds? feeds = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        _ports = [.. target.Ports.Select(port => port.Spec)];
        _translated = target.Object;
        _createDialer = createDialer;
        _options = options ?? new PodRouterOptions();
        _time = _options.Time;
        _logger = logger ?? NullLogger.Instance;
        _watch = new PodWatch(api, feeds ?? new PodFeeds(api.WithTimeout(PodWatch.LookUpTimeout), _time, logger), target.Object, _time);
        _stopped = _stopping.Token;
        _review = new RouteReview(_time, _options.Reconnect);
        var first = new RouteState(target.Pod, _options);
        _follower = new TargetFollower(target, first, _options, _events.Enqueue);
        _routes = new RouteTable(CreateRoute, _options);
        _routes.Of(first).Ports = [.. target.Ports.Select(port => new PodPort(port.PodPort, Reason: null))];
    }

    /// <inheritdoc/>
    public int MaxInitialData => _options.Tunnels.MaxInitialData;

    /// <inheritdoc/>
    public Task<TunnelFault> Completion => _completion.Task;

    /// <summary>How many pods of the target are known.</summary>
    internal int KnownPodCount => _watch.Pods?.Count ?? 0;

    /// <inheritdoc/>
    /// <remarks>
    /// Once the server has accepted a tunnel to the first pod, the target is followed. Whether that tunnel carries bytes is found out in one more round
    /// trip, which connections wait for; if no transport does, the router completes. A router that has connected before has nothing to do.
    /// </remarks>
    public async Task<TunnelFault?> ConnectAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_isConnected)
        {
            return null;
        }

        PodRoute first;
        lock (_gate)
        {
            first = _routes.Of(_follower.Serving[0]);
            first.State.IsConnecting = true;
            first.State.Reach.Connected();
        }

        Task<TunnelFault?> preparing = first.Pool.ConnectAsync(cancellationToken);
        if (await Task.WhenAny(preparing, first.Pool.Accepted).ConfigureAwait(false) == preparing && await preparing.ConfigureAwait(false) is { } fault)
        {
            return fault;
        }

        _isConnected = true;
        _watching = EndIfItFailsAsync(_watch.RunAsync(_newFacts.Signal, _stopped));
        _loop = EndIfItFailsAsync(Task.Run(DecideAsync, CancellationToken.None));
        _ = EndIfNothingGetsThroughAsync(first, preparing);
        return null;
    }

    /// <inheritdoc/>
    public async ValueTask<Attempt<RoutedPair>> OpenPairAsync(PairRequest request, CancellationToken cancellationToken)
    {
        long began = _time.GetTimestamp();
        IReadOnlyCollection<string> avoided = request.AvoidedPods ?? [];
        Attempt<RoutedPair>? failed = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            TimeSpan rest = _options.HoldTimeout - _time.GetElapsedTime(began);
            if (rest <= TimeSpan.Zero && failed is not null)
            {
                return failed.Value;
            }

            // A pod that is said to be gone and is still there after a while runs in another sandbox now.
            TimeSpan untilNews = WatchDelay - _time.GetElapsedTime(began);
            bool awaitsNews = request.PodIsGone && untilNews > TimeSpan.Zero;
            if (request.PodIsGone && !awaitsNews)
            {
                avoided = [];
            }

            RouteChoice choice;
            Task decided;
            int port = 0;
            lock (_gate)
            {
                if (_completion.Task.IsCompletedSuccessfully || _disposed)
                {
                    return new Attempt<RoutedPair>(_disposed ? Ended() : _completion.Task.Result);
                }

                decided = _newDecision.Next;
                choice = _routes.Choose(avoided, _follower.Serving, _watch.Snapshot);
                if (choice.Route is null && !choice.MayCome && !awaitsNews)
                {
                    return new Attempt<RoutedPair>(new TunnelFault(TunnelFaultKind.NoOtherPod, "there is no other pod to try"));
                }

                if (choice.Route is not null)
                {
                    if (choice.Route.Ports[request.PortIndex] is { Number: null } missing)
                    {
                        return new Attempt<RoutedPair>(new TunnelFault(TunnelFaultKind.NoPod, missing.Reason!));
                    }

                    port = choice.Route.Ports[request.PortIndex].Number!.Value;
                    choice.Route.Opening++;
                }
            }

            if (choice.Route is { } route)
            {
                Attempt<RoutedPair> result = await OpenOnAsync(route, port, request, cancellationToken).ConfigureAwait(false);
                if (result.Fault is null || !PodReach.IsPassing(result.Fault) || !_options.Reconnect)
                {
                    return result;
                }

                OnConnectionFailed(route, result.Fault);
                failed = result;
                continue;
            }

            if (rest <= TimeSpan.Zero)
            {
                return new Attempt<RoutedPair>(new TunnelFault(TunnelFaultKind.NoPod, WhyNoPod()));
            }

            await WaitAsync(decided, Min(Min(rest, choice.UntilRetry), awaitsNews ? untilNews : rest), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The place of a port among those that pairs can be opened to, where it is added if it is a new one.</summary>
    /// <param name="port">The port as it is asked for. If a pod does not have it, opening a pair fails with the reason.</param>
    internal int IndexOf(PortSpec port)
    {
        lock (_gate)
        {
            foreach ((int index, PortSpec known) in _ports.Index())
            {
                if (known.Remote == port.Remote)
                {
                    return index;
                }
            }

            _ports = [.. _ports, port];
            foreach (PodRoute route in _routes.All)
            {
                route.Ports = [.. route.Ports, .. PodPort.Translate([port], _watch.Target, route.State.LastSeen)];
            }

            return _ports.Count - 1;
        }
    }

    /// <summary>Ends all tunnels, and with them the connections that are still open.</summary>
    public async ValueTask DisposeAsync()
    {
        IReadOnlyList<PodRoute> routes;
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            routes = _routes.Clear();
            _follower.Stop();
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        _completion.TrySetResult(Ended());
        _newDecision.Signal();
        await Task.WhenAll(routes.Select(route => route.Pool.DisposeAsync().AsTask())).ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        await _watching.ConfigureAwait(false);
        await _refreshing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async ValueTask<Attempt<RoutedPair>> OpenOnAsync(PodRoute route, int port, PairRequest request, CancellationToken cancellationToken)
    {
        try
        {
            Attempt<IStreamPair> opened = await route.Pool.OpenPairAsync(port, request.InitialData, cancellationToken).ConfigureAwait(false);
            lock (_gate)
            {
                if (opened.Fault is null && route.State is { Reach.IsFailing: true, IsConnecting: false })
                {
                    OnConnected(route);
                }
            }

            return opened.Succeeded(out IStreamPair? pair, out TunnelFault? fault)
                ? new Attempt<RoutedPair>(new RoutedPair(pair, route.State.Uid) { PodName = route.State.Name })
                : new Attempt<RoutedPair>(fault);
        }
        finally
        {
            lock (_gate)
            {
                route.Opening--;
            }
        }
    }

    private async Task EndIfNothingGetsThroughAsync(PodRoute first, Task<TunnelFault?> preparing)
    {
        try
        {
            TunnelFault? fault = await preparing.ConfigureAwait(false);
            lock (_gate)
            {
                first.State.IsConnecting = false;
                if (fault is not null)
                {
                    _completion.TrySetResult(fault);
                }
            }

            _newDecision.Signal();
            _newFacts.Signal();
        }
        catch (OperationCanceledException)
        {
            // The forward was stopped.
        }
    }

    private async Task EndIfItFailsAsync(Task task)
    {
        try
        {
            await task.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
        {
            // The forward was stopped.
        }
        catch (Exception e)
        {
            // A fault of the router itself must not leave a forward behind that looks alive.
            _completion.TrySetException(e);
            _newDecision.Signal();
        }
    }

    private async Task DecideAsync()
    {
        while (!_stopped.IsCancellationRequested)
        {
            Task newFacts;
            PodRoute[] due;
            TimeSpan rest;
            lock (_gate)
            {
                newFacts = _newFacts.Next;
                Decide();
                due = [.. _follower.TakeDueAttempts().Select(_routes.Of)];
                rest = Min(_follower.UntilNext, RouteReview.Interval);
            }

            EmitEvents();
            foreach (PodRoute route in due)
            {
                _ = ConnectAsync(route);
            }

            Review();
            await WaitAsync(newFacts, rest, _stopped).ConfigureAwait(false);
        }
    }

    /// <summary>Draws the consequences of what is known now. Called with the gate held.</summary>
    private void Decide()
    {
        if (_disposed)
        {
            return;
        }

        TargetSnapshot known = _watch.Snapshot;
        if (!ReferenceEquals(known.Target, _translated))
        {
            // A service that was read again may lead to other ports.
            _translated = known.Target;
            foreach (PodRoute route in _routes.All)
            {
                TranslatePorts(route);
            }
        }

        bool isNew = _follower.Update(known, _routes.States);
        if (known.Target.HasSlices)
        {
            // Endpoint slices may lead to other ports of the same pods.
            foreach (PodRoute route in _routes.All)
            {
                TranslatePorts(route);
            }
        }

        foreach (RouteState serving in _follower.Serving)
        {
            _routes.Of(serving);
        }

        CompleteIfEnded();
        if (isNew)
        {
            foreach (PodRoute route in _routes.All)
            {
                route.Pool.SetServing(_follower.Serving.Contains(route.State));
            }

            _newDecision.Signal();
        }
    }

    /// <summary>Opens a tunnel to a pod that has none, so that those who wait can go on.</summary>
    private async Task ConnectAsync(PodRoute route)
    {
        // The service may lead to other ports by now. An answer that does not come must not hold up the tunnel.
        Task refreshed = _watch.Target.Service is not null && route.State.Reach.IsFirst ? _watch.RefreshAsync(_stopped) : Task.CompletedTask;
        TunnelFault? fault;
        try
        {
            fault = await route.Pool.ConnectAsync(_stopped).ConfigureAwait(false);
            await WaitAsync(refreshed, WatchDelay, _stopped).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        lock (_gate)
        {
            route.State.IsConnecting = false;
            if (fault is null)
            {
                OnConnected(route);
            }
            else
            {
                _follower.AttemptFailed(route.State, fault);
                CompleteIfEnded();
            }
        }

        _newFacts.Signal();
    }

    /// <summary>A tunnel to the pod is established. Called with the gate held.</summary>
    private void OnConnected(PodRoute route)
    {
        TranslatePorts(route);
        if (!route.Pool.HasTunnel)
        {
            // It has ended before anybody knew of it, when its end was that of an attempt and changed nothing.
            route.State.Reach.Connected();
            route.State.Reach.LoseTunnels(hasServed: false);
            _newFacts.Signal();
            return;
        }

        if (_follower.Connected(route.State))
        {
            _review.Refresh.Reset();
            _watch.Renew(); // The watch may still wait for a server that is back.
        }

        _newDecision.Signal();
    }

    /// <summary>A connection could not reach a pod.</summary>
    private void OnConnectionFailed(PodRoute route, TunnelFault fault)
    {
        lock (_gate)
        {
            _follower.ConnectionFailed(route.State, fault);
            CompleteIfEnded();
        }

        _newFacts.Signal();
        if (UpgradeRefusal.SaysPodIsGone(fault, route.State.Name))
        {
            _watch.Renew(); // The server knows more than the watch has told.
        }
    }

    /// <summary>Tunnels of a pod have ended by themselves; after the last one's end an attempt is made at once, also while no client is connected.</summary>
    private void OnTunnelsLost(RouteState route, TunnelLoss loss)
    {
        lock (_gate)
        {
            if (loss.Alive > 0 || _disposed)
            {
                return;
            }

            bool isAttemptDue = _follower.TunnelsLost(route, loss.HasServed, loss.Fault);
            CompleteIfEnded();
            if (!isAttemptDue)
            {
                return;
            }
        }

        // What has ended the tunnels may have ended the watch too, silently.
        _watch.Renew();
        _newFacts.Signal();
    }

    private void OnSaturated(RouteState route)
    {
        _events.Enqueue(new TunnelsSaturated(route.Name, _options.Tunnels.Limit));
        _newFacts.Signal();
    }

    /// <summary>Completes the router when the follower has ended the forward. Called with the gate held.</summary>
    private void CompleteIfEnded()
    {
        if (_follower.End is { } end)
        {
            _completion.TrySetResult(end);
        }
    }

    /// <summary>Ends the tunnels to pods that serve nobody any more, and reads a target again that has no pods or may lead to others.</summary>
    private void Review()
    {
        RouteReview.Plan? plan;
        lock (_gate)
        {
            plan = _review.TakeDue(_routes, _follower, _watch.Target);
        }

        if (plan is null)
        {
            return;
        }

        foreach (PodRoute route in plan.Unused)
        {
            _ = route.Pool.DisposeAsync().AsTask();
        }

        foreach (PodRoute route in plan.ToCheck)
        {
            _ = DrainIfGoneAsync(route);
        }

        if (plan.IsReadDue && _refreshing.IsCompleted)
        {
            _refreshing = RefreshAsync();
        }
    }

    private async Task RefreshAsync()
    {
        await _watch.RefreshAsync(_stopped).ConfigureAwait(false);
        _newFacts.Signal();
    }

    /// <summary>
    /// Ends the connections to a pod that does not exist any more, since nothing else may ever end them. A pod that was only removed from the target, by a
    /// label or by another selector, lives on and keeps its connections.
    /// </summary>
    private async Task DrainIfGoneAsync(PodRoute route)
    {
        bool isGone = await _watch.IsGoneAsync(route.State.Name, route.State.Uid, _stopped).ConfigureAwait(false);
        lock (_gate)
        {
            route.IsBeingChecked = false;
            route.State.AddExistenceCheck();
        }

        if (isGone)
        {
            route.Pool.DropWaiting();
        }
    }

    private PodRoute CreateRoute(RouteState state)
    {
        TunnelPoolOptions options = _options.Tunnels with
        {
            OnLost = loss => OnTunnelsLost(state, loss),
            OnSaturated = () => OnSaturated(state),
            Time = _time,
        };
        var pool = new TunnelPool(_createDialer(state.Name), options, _logger);
        return new PodRoute(state, pool) { Ports = PodPort.Translate(_ports, _watch.Target, state.LastSeen) };
    }

    /// <summary>Finds the forwarder's ports in a pod again, unless it is no pod of the target any more.</summary>
    private void TranslatePorts(PodRoute route)
    {
        if (route.State.Pod is { } pod)
        {
            route.Ports = PodPort.Translate(_ports, _watch.Target, pod);
        }
    }

    private string WhyNoPod()
    {
        lock (_gate)
        {
            return _follower.WhyNoPod(_watch.Snapshot);
        }
    }

    private void EmitEvents()
    {
        while (_events.TryDequeue(out ForwardEvent? next))
        {
            _options.OnEvent?.Invoke(next);
        }
    }

    /// <summary>Waits for a signal, but not longer than the limit.</summary>
    private async Task WaitAsync(Task signal, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(signal, Task.Delay(limit, _time, ended.Token)).ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
    }

    private static TunnelFault Ended() => new(TunnelFaultKind.Lost, "the forward has ended");

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
