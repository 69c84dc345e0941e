using System.Net;
using Microsoft.Extensions.Logging;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cluster;

/// <summary>A target whose ports are forwarded: local listeners whose connections lead to the pods that serve the target now, until it is stopped.</summary>
/// <remarks>It is made by <see cref="ClusterClient.ForwardAsync(string, string[])"/>, which returns it once it is ready.</remarks>
public sealed class Forward : IAsyncDisposable
{
    private readonly TargetStarter _starter;
    private readonly ForwardRequest _request;
    private readonly ForwardOptions _options;
    private readonly TimeProvider _time;
    private readonly EventStream _events;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _abort = new();

    /// <summary>Guards the state, whose last value stays.</summary>
    private readonly Lock _gate = new();
    private ForwardState _state;
    private TaskCompletionSource? _back;
    private volatile string? _pod;
    private int _reconnects;
    private volatile bool _isStarted;
    private volatile bool _isFound;
    private volatile bool _isListening;

    /// <summary>Completes when the start has ended, in whatever way. Each forward is started once.</summary>
    private readonly TaskCompletionSource _startEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private PortForwarder? _forwarder;

    internal Forward(TargetStarter starter, ForwardRequest request, string name, TimeProvider time, ILoggerFactory loggers)
    {
        Name = name;
        _starter = starter;
        _request = request;
        _options = request.Options;
        _time = time;
        _events = new EventStream(OnEvent, loggers.CreateLogger<Forward>());
    }

    /// <summary>What it is called: what was asked for, else the name of the target.</summary>
    public string Name { get; }

    /// <summary>The target in its canonical form, such as <c>service/web</c>.</summary>
    public string Target => _request.Target.ToString();

    /// <summary>The namespace of the target.</summary>
    public string Namespace => _request.Namespace;

    /// <summary>The ports, in the order in which they were asked for.</summary>
    public IReadOnlyList<ForwardPort> Ports { get; private set; } = [];

    /// <summary>An address of this machine under which the first port is reached, or the folder of its socket file.</summary>
    public string Host => First.Host;

    /// <summary>The local port of the first port, or the number that stands for its socket file.</summary>
    public int Port => First.Port;

    /// <summary>How it is now.</summary>
    public ForwardState State
    {
        get
        {
            lock (_gate)
            {
                return _state;
            }
        }
    }

    /// <summary>What it has done so far.</summary>
    public ForwardCounters Counters
    {
        get
        {
            ConnectionCounters counters = _forwarder?.Counters ?? default;
            return new ForwardCounters(counters.Accepted, counters.Open, counters.BytesSent, counters.BytesReceived, Volatile.Read(ref _reconnects));
        }
    }

    /// <summary>
    /// Completes when the forward was stopped. Faults when its target is lost for good, with a <see cref="ClusterException"/> that says why, and when it could not be
    /// started.
    /// </summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    /// <summary>The first of the ports that is listened on.</summary>
    internal ForwardPort First => Ports.FirstOrDefault(port => port.Local.Count > 0 || port.Path is not null)
        ?? throw new InvalidOperationException($"The forward {Name} has no local port: it was not started, or could not be.");

    /// <summary>
    /// Stops accepting connections, and waits until those that are open have ended, or <see cref="ForwardOptions.DrainTimeout"/> is over; then those that are left are
    /// reset. It never throws, and may be called more than once.
    /// </summary>
    /// <param name="cancellationToken">Resets the connections that are left at once.</param>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        CancellationTokenRegistration atOnce = cancellationToken.UnsafeRegister(static abort => _ = ((CancellationTokenSource)abort!).CancelAsync(), _abort);
        await using (atOnce.ConfigureAwait(false))
        {
            // Not on this thread, which may be one that has just been told an event.
            await _stop.CancelAsync().ConfigureAwait(false);
            if (_isStarted)
            {
                await (_isListening ? Task.CompletedTask : _abort.CancelAsync()).ConfigureAwait(false);
                await _startEnded.Task.ConfigureAwait(false);
            }

            await Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Stops at once: connections that are open are reset.</summary>
    public async ValueTask DisposeAsync()
    {
        await _abort.CancelAsync().ConfigureAwait(false);
        if (_isStarted)
        {
            await _startEnded.Task.ConfigureAwait(false);
        }

        await Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>
    /// Reads the events from now on, in one order for all sources, until the last one. A reader that is too slow misses some, and is told how many. Those of the start go
    /// to <see cref="ForwardOptions.OnEvent"/>.
    /// </summary>
    /// <param name="cancellationToken">Ends the reading.</param>
    public IAsyncEnumerable<ForwardEvent> ReadEventsAsync(CancellationToken cancellationToken = default) => _events.ReadAsync(cancellationToken);

    /// <summary>How long after its last use an idle tunnel is kept; always unless set otherwise.</summary>
    internal TimeSpan UnusedTime { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Whether another forward is to have a local port, so that no range and no random choice may take it.</summary>
    internal Func<int, bool> IsKept { get; init; } = static _ => false;

    /// <summary>Called when the start waits for a pod.</summary>
    internal Action? OnAwaiting { get; set; }

    /// <summary>Starts; if that fails nothing is left.</summary>
    /// <param name="beforeListening">What to wait for once the target was reached; nothing if null.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    internal async Task StartAsync(Func<Task>? beforeListening, CancellationToken cancellationToken)
    {
        _isStarted = true;
        try
        {
            // Whoever is told of a listener may connect to it, and so what comes after that is a stop like any other.
            CancellationTokenRegistration unwanted = cancellationToken.UnsafeRegister(
                static forward => _ = ((Forward)forward!)._isListening ? ((Forward)forward)._stop.CancelAsync() : ((Forward)forward)._abort.CancelAsync(), this);
            await using (unwanted.ConfigureAwait(false))
            {
                await StartNowAsync(beforeListening).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            await _abort.CancelAsync().ConfigureAwait(false);
            await Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            End(ForwardState.Failed);
            Completion = Task.FromException(e);
            _ = Completion.Exception; // Observed: whoever has started it gets the same exception.
            throw;
        }
        finally
        {
            _startEnded.SetResult();
        }
    }

    /// <summary>Tells what concerns all forwards of the server, from the moment on at which the target is known: before that the start itself fails.</summary>
    internal void TellOfServer(ForwardEvent forwardEvent)
    {
        if (_isFound)
        {
            _events.Tell(forwardEvent);
        }
    }

    private async Task StartNowAsync(Func<Task>? beforeListening)
    {
        _abort.Token.ThrowIfCancellationRequested();
        ForwardOptions limited = _options;
        TimeSpan livenessTimeout = _options.LivenessTimeout ?? _request.LivenessTimeout;
        var start = new StartRequest(_request.Target, _request.Namespace, _request.Ports)
        {
            PodRunningTimeout = _options.PodRunningTimeout,
            LivenessTimeout = livenessTimeout,
            OnFound = () =>
            {
                _isFound = true;
                limited = _options.WithinLimits?.Invoke(_options) ?? _options;
                return limited.Routing(livenessTimeout, _starter.Tunnels, UnusedTime, _time, _events.Tell);
            },
            Tell = _events.Tell,
        };
        StartedTarget started = await _starter.StartAsync(start, _abort.Token).ConfigureAwait(false);
        ResolvedTarget target = started.Target;
        PortForwarder forwarder = await CreateAsync(started, limited, beforeListening).ConfigureAwait(false);
        _forwarder = forwarder;
        Completion = RunAsync(forwarder, target.PodName);
        await Task.WhenAny(forwarder.Ready, Completion).ConfigureAwait(false);
        if (!forwarder.Ready.IsCompletedSuccessfully)
        {
            await Completion.ConfigureAwait(false);
            _abort.Token.ThrowIfCancellationRequested();
            throw new OperationCanceledException("The forward was stopped before it was ready.");
        }

        Ports = [.. target.Ports.Select((port, index) => Describe(target, port, forwarder.Ports.Where(listener => listener.Index == index)))];
        lock (_gate)
        {
            _state = _state == ForwardState.Starting ? ForwardState.Ready : _state;
        }

        _events.Tell(new ForwardReady(_pod ?? target.PodName, target.Namespace, _starter.Transport));
    }

    private async Task<PortForwarder> CreateAsync(StartedTarget started, ForwardOptions options, Func<Task>? beforeListening)
    {
        try
        {
            if (beforeListening is not null)
            {
                await HoldAsync(beforeListening(), started).ConfigureAwait(false);
            }

            _abort.Token.ThrowIfCancellationRequested();
            if (_options.RequireAllPorts && started.Target.Ports.Count < _request.Ports.Count)
            {
                PortSpec twice = _request.Ports.First(port => !started.Target.Ports.Any(served => ReferenceEquals(served.Spec, port)));
                throw new PortForwardException($"{twice} asks for a local port that another port has already");
            }

            return new PortForwarder(
                started.Source,
                _request.Addresses,
                [.. started.Target.Ports.Select(port => new Forwarding.PortMapping(port.LocalPort, port.PodPort)
                {
                    Name = Identify(started.Target, port).Name,
                    Requested = port.Spec.Remote,
                    LastLocalPort = port.Spec.LastLocalPort,
                    Path = port.Spec.Path,
                    IsKept = IsKept,
                    Addresses = port.Spec.Address is { } address ? ListenAddress.Parse([address]) : null,
                })],
                options.Forwarding(_time, _events.Tell));
        }
        catch
        {
            await started.Router.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Waits for what comes before listening. A target that is lost for good meanwhile cannot be had; one that has no pod just then is ready only once it has one again,
    /// and has as long for it as at the start.
    /// </summary>
    private async Task HoldAsync(Task before, StartedTarget started)
    {
        await UnlessLostAsync(before).ConfigureAwait(false);
        long began = _time.GetTimestamp();
        while (WhenBack() is { IsCompleted: false } back)
        {
            try
            {
                await UnlessLostAsync(back.WaitAsync(Rest(began), _time)).ConfigureAwait(false);
            }
            catch (TimeoutException e)
            {
                throw new ClusterException($"timed out waiting for {Target} after {GoDuration.Format(_options.PodRunningTimeout)}: it has lost its pod, and has no other", e);
            }
        }

        TimeSpan Rest(long began)
        {
            TimeSpan rest = _options.PodRunningTimeout - _time.GetElapsedTime(began);
            return rest > TimeSpan.Zero ? rest : TimeSpan.Zero;
        }

        async Task UnlessLostAsync(Task held)
        {
            Task<TunnelFault> lost = started.Router.Completion;
            Task first = await Task.WhenAny(held.WaitAsync(_abort.Token), lost).ConfigureAwait(false);
            if (first == lost)
            {
                throw FaultText.Describe(await lost.ConfigureAwait(false), started.Target.PodName);
            }

            await first.ConfigureAwait(false);
        }

        Task WhenBack()
        {
            lock (_gate)
            {
                return _back?.Task ?? Task.CompletedTask;
            }
        }
    }

    private async Task RunAsync(PortForwarder forwarder, string pod)
    {
        ForwardState last = ForwardState.Failed;
        try
        {
            await forwarder.RunAsync(_stop.Token, _abort.Token).ConfigureAwait(false);
            last = ForwardState.Ended;
        }
        catch (PortForwardException e) when (e.Fault is not null)
        {
            throw FaultText.Describe(e.Fault, pod);
        }
        finally
        {
            End(last);
        }
    }

    private static ForwardPort Describe(ResolvedTarget target, Targets.PortMapping port, IEnumerable<ForwardedPort> listeners)
    {
        (string? name, int number) = Identify(target, port);
        ForwardedPort[] all = [.. listeners];
        return new ForwardPort(name, number, [.. all.Select(listener => listener.Local).OfType<IPEndPoint>()]) { Path = all.FirstOrDefault().Path };
    }

    private static (string? Name, int Number) Identify(ResolvedTarget target, Targets.PortMapping port) =>
        PortTranslation.Identify(port, target.Object.Service, target.Pod);

    private void OnEvent(ForwardEvent forwardEvent)
    {
        switch (forwardEvent)
        {
            case PodAwaited:
                OnAwaiting?.Invoke();
                break;
            case ListenerOpened:
                _isListening = true;
                break;
            case Routing.PodLost:
                Enter(ForwardState.Lost);
                lock (_gate)
                {
                    _back ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                }

                break;
            case Routing.PodSwitched switched:
                _pod = switched.To;
                break;
            case Routing.PodBack back:
                _pod = back.Pod;
                Interlocked.Increment(ref _reconnects);
                Enter(_isListening ? ForwardState.Ready : ForwardState.Starting);
                lock (_gate)
                {
                    _back?.SetResult();
                    _back = null;
                }

                break;
        }

        _options.OnEvent?.Invoke(forwardEvent);
    }

    private void Enter(ForwardState state)
    {
        lock (_gate)
        {
            if (_state is not (ForwardState.Failed or ForwardState.Ended))
            {
                _state = state;
            }
        }
    }

    private void End(ForwardState last)
    {
        Enter(last);
        _events.End();
    }
}
