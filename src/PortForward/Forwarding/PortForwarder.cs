using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Forwarding;

/// <summary>Forwards local ports to ports of a pod: owns the listeners and the life of every connection.</summary>
/// <example>
/// <code>
/// var forwarder = new PortForwarder(dialer, ListenAddress.Parse(["localhost"]), [new PortMapping(0, 80)]);
/// Task run = forwarder.RunAsync(stop);
/// await forwarder.Ready;
/// Console.WriteLine(forwarder.Ports[0].Local);
/// </code>
/// </example>
internal sealed class PortForwarder
{
    private readonly ITunnelSource _tunnels;
    private readonly IReadOnlyList<ListenAddress> _addresses;
    private readonly IReadOnlyList<PortMapping> _mappings;
    private readonly PortForwarderOptions _options;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<long, Connection> _connections = new();
    private readonly Lock _eventGate = new();
    private IReadOnlyList<ForwardedPort>? _ports;
    private long _lastConnectionId;

    /// <summary>Guards the bytes of connections that have ended, so that each is counted once.</summary>
    private readonly Lock _countGate = new();
    private long _endedBytesSent;
    private long _endedBytesReceived;
    private int _started;

    /// <summary>Creates a forwarder to one pod, with a tunnel pool of its own.</summary>
    /// <param name="dialer">Opens tunnels to the pod.</param>
    /// <param name="addresses">Where to listen; at least one.</param>
    /// <param name="ports">What to forward; at least one.</param>
    /// <param name="options">Timeouts and the receiver of events; the defaults if null.</param>
    /// <exception cref="ArgumentException">A list is empty, a port is out of range, or no connection may be open.</exception>
    public PortForwarder(ITunnelDialer dialer, IReadOnlyList<ListenAddress> addresses, IReadOnlyList<PortMapping> ports, PortForwarderOptions? options = null)
        : this(new SinglePodSource(new TunnelPool(dialer, new TunnelPoolOptions { Time = options?.Time ?? TimeProvider.System })), addresses, ports, options)
    {
    }

    /// <summary>Creates a forwarder on any source of stream pairs, which it disposes when it has run.</summary>
    /// <param name="tunnels">Where stream pairs come from.</param>
    /// <param name="addresses">Where to listen; at least one.</param>
    /// <param name="ports">What to forward; at least one.</param>
    /// <param name="options">Timeouts and the receiver of events; the defaults if null.</param>
    /// <exception cref="ArgumentException">A list is empty, a port is out of range, or no connection may be open.</exception>
    public PortForwarder(ITunnelSource tunnels, IReadOnlyList<ListenAddress> addresses, IReadOnlyList<PortMapping> ports, PortForwarderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        ArgumentNullException.ThrowIfNull(ports);
        if (addresses.Count == 0)
        {
            throw new ArgumentException("You must specify at least 1 address to listen on.", nameof(addresses));
        }

        if (ports.Count == 0)
        {
            throw new ArgumentException("You must specify at least 1 port to forward.", nameof(ports));
        }

        foreach (PortMapping port in ports)
        {
            if (port.LocalPort is < 0 or > ushort.MaxValue || port.TargetPort is < 1 or > ushort.MaxValue)
            {
                throw new ArgumentException($"The ports {port} are out of range: a local port is 0 to 65535, a target port 1 to 65535.", nameof(ports));
            }
        }

        if (options?.MaxConnections < 1)
        {
            throw new ArgumentException("At least 1 connection must be allowed.", nameof(options));
        }

        _tunnels = tunnels;
        _addresses = addresses;
        _mappings = ports;
        _options = options ?? new PortForwarderOptions();
    }

    /// <summary>
    /// Completes when a tunnel is established and all listeners that can be opened are open. Faults as <see cref="RunAsync"/> does when
    /// the forward cannot start, and is cancelled when it is stopped before.
    /// </summary>
    public Task Ready => _ready.Task;

    /// <summary>The open listeners, random ports resolved, in the order of the ports and addresses given.</summary>
    /// <exception cref="InvalidOperationException">The forwarder is not ready yet.</exception>
    public IReadOnlyList<ForwardedPort> Ports =>
        _ports ?? throw new InvalidOperationException("The ports are known only once the forwarder is ready: await Ready first.");

    /// <summary>The connections in numbers.</summary>
    internal ConnectionCounters Counters
    {
        get
        {
            lock (_countGate)
            {
                ConnectionPump[] open = [.. _connections.Values.Select(connection => connection.Pump)];
                return new ConnectionCounters(
                    Interlocked.Read(ref _lastConnectionId),
                    open.Length,
                    _endedBytesSent + open.Sum(pump => pump.BytesSent),
                    _endedBytesReceived + open.Sum(pump => pump.BytesReceived));
            }
        }
    }

    /// <summary>
    /// Forwards until it is stopped. Then it accepts no more, lets open connections go on for <see cref="PortForwarderOptions.DrainTimeout"/>,
    /// and resets those that are left.
    /// </summary>
    /// <param name="stop">Ends the forward.</param>
    /// <param name="abort">Ends it at once, open connections included.</param>
    /// <exception cref="PortForwardException">The forward could not start, or its pods are lost for good.</exception>
    /// <exception cref="InvalidOperationException">It was started before: a forwarder runs once.</exception>
    public async Task RunAsync(CancellationToken stop, CancellationToken abort = default)
    {
        if (Interlocked.Exchange(ref _started, 1) != 0)
        {
            throw new InvalidOperationException("A forwarder runs once; create another one.");
        }

        using var stopOrAbort = CancellationTokenSource.CreateLinkedTokenSource(stop, abort);
        using var reset = new CancellationTokenSource();
        List<LocalListener> listeners = [];
        AcceptGate? gate = null;
        SocketDiagnosis.Prepare();
        try
        {
            try
            {
                if (await _tunnels.ConnectAsync(stopOrAbort.Token).ConfigureAwait(false) is { } fault)
                {
                    throw new PortForwardException(fault);
                }

                listeners = Listen();
            }
            catch (OperationCanceledException) when (stopOrAbort.IsCancellationRequested)
            {
                _ready.TrySetCanceled(stopOrAbort.Token);
                return;
            }
            catch (Exception e)
            {
                _ready.TrySetException(e);
                _ = _ready.Task.Exception; // Observed: RunAsync's caller gets the same exception.
                throw;
            }

            _ports = [.. listeners.Select(listener => listener.Port)];
            foreach (ForwardedPort port in _ports)
            {
                Emit(new ListenerOpened(port));
            }

            _ready.TrySetResult();
            gate = new AcceptGate(_options.MaxConnections, listeners.Count, port => Emit(new OutOfDescriptors(port)), _options.Time);
            await AcceptUntilAsync(listeners, gate, stopOrAbort, reset.Token).ConfigureAwait(false);
            foreach (LocalListener listener in listeners)
            {
                listener.Dispose();
            }

            if (_tunnels.Completion.IsCompleted)
            {
                throw new PortForwardException(await _tunnels.Completion.ConfigureAwait(false));
            }

            await DrainAsync(abort).ConfigureAwait(false);
        }
        finally
        {
            foreach (LocalListener listener in listeners)
            {
                listener.Dispose();
            }

            // The connections first, so that each tells that it was stopped; but one that waits for a stalled tunnel ends only with that.
            await reset.CancelAsync().ConfigureAwait(false);
            await _tunnels.DisposeAsync().ConfigureAwait(false);
            await WhenAllEnded().ConfigureAwait(false);
            gate?.Dispose();
        }
    }

    /// <summary>Accepts connections until the forward is stopped or its pods are lost for good.</summary>
    private async Task AcceptUntilAsync(List<LocalListener> listeners, AcceptGate gate, CancellationTokenSource stop, CancellationToken reset)
    {
        var accepts = Task.WhenAll(listeners.Select(listener => listener.AcceptAllAsync(
            gate,
            client => Carry(client, listener.Port, gate, reset),
            reason => Emit(new AcceptFailed(listener.Port, reason)),
            _options.Time,
            stop.Token)));
        if (await Task.WhenAny(accepts, _tunnels.Completion).ConfigureAwait(false) != accepts)
        {
            await stop.CancelAsync().ConfigureAwait(false);
        }

        await accepts.ConfigureAwait(false);
    }

    /// <summary>Lets open connections come to their end.</summary>
    private async Task DrainAsync(CancellationToken abort)
    {
        if (_options.DrainTimeout == TimeSpan.Zero || _connections.IsEmpty)
        {
            return;
        }

        Emit(new Draining(_connections.Count, _options.DrainTimeout));
        await WhenAllEnded().WaitAsync(_options.DrainTimeout, _options.Time, abort).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private Task WhenAllEnded() => Task.WhenAll(_connections.Values.Select(connection => connection.Run));

    private List<LocalListener> Listen()
    {
        var listeners = new List<LocalListener>();
        foreach ((int index, PortMapping mapping) in _mappings.Index())
        {
            PortBinder.Result bound = PortBinder.Bind(mapping, _addresses, index);
            listeners.AddRange(bound.Listeners);
            if (bound.Listeners.Count == 0 || (_options.RequireAllPorts && bound.Failures.Any(static failed => failed.Reason.InUse)))
            {
                Emit(new PortUnavailable(mapping.LocalPort, mapping.TargetPort, bound.Failures)
                {
                    LastLocalPort = mapping.LastLocalPort,
                    TargetName = mapping.Name,
                    Requested = mapping.Requested,
                });
                if (_options.RequireAllPorts)
                {
                    listeners.ForEach(static listener => listener.Dispose());
                    throw new PortForwardException(mapping.Path is not null
                        ? $"unable to listen on {mapping.Local}: {bound.Failures[0].Reason}"
                        : $"unable to listen on port {mapping.Local}: "
                        + string.Join("; ", bound.Failures.Select(failed => $"{failed.EndPoint}: {failed.Reason}")));
                }

                continue;
            }

            foreach ((EndPoint endPoint, ListenFailure reason) in bound.Failures)
            {
                Emit(new ListenerPartial((IPEndPoint)endPoint, reason));
            }
        }

        return listeners.Count > 0
            ? listeners
            : throw new PortForwardException($"unable to listen on any of the requested ports: [{string.Join(' ', _mappings.Select(Pair))}]");

        static string Pair(PortMapping mapping) => $"{{{(mapping.Path is null ? $"{mapping.LocalPort}" : mapping.Local)} {mapping.TargetPort}}}"; // As Go prints it.
    }

    /// <summary>Starts a connection on its own; nothing that happens to it can reach the listener or another connection.</summary>
    private void Carry(Socket client, ForwardedPort port, AcceptGate gate, CancellationToken stop)
    {
        long id = Interlocked.Increment(ref _lastConnectionId);
        Emit(new ConnectionAccepted(id, port));

        // Registered before it runs, so that it can remove itself and the forwarder can wait for it.
        var pump = new ConnectionPump(client, _tunnels, port, _options);
        var carried = new Task<Task>(() => CarryAsync(id, pump, port, gate, stop));
        _connections[id] = new Connection(pump, carried.Unwrap());
        carried.Start(TaskScheduler.Default);
    }

    private async Task CarryAsync(long id, ConnectionPump pump, ForwardedPort port, AcceptGate gate, CancellationToken stop)
    {
        long started = _options.Time.GetTimestamp();
        try
        {
            ConnectionEnd end = await pump.RunAsync(stop).ConfigureAwait(false);
            Emit(new ConnectionClosed(id, port, end, pump.BytesSent, pump.BytesReceived, _options.Time.GetElapsedTime(started)) { Pod = pump.Pod });
        }
        finally
        {
            gate.Leave();
            lock (_countGate)
            {
                _connections.TryRemove(id, out _);
                _endedBytesSent += pump.BytesSent;
                _endedBytesReceived += pump.BytesReceived;
            }
        }
    }

    private void Emit(ForwardEvent forwardEvent)
    {
        lock (_eventGate)
        {
            _options.OnEvent?.Invoke(forwardEvent);
        }
    }

    /// <summary>A connection that is carried.</summary>
    private sealed record Connection(ConnectionPump Pump, Task Run);
}
