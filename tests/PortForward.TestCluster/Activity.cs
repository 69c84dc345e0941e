namespace PortForward.Testing;

/// <summary>What is open in the cluster at one moment.</summary>
/// <param name="Tunnels">Upgraded connections of clients.</param>
/// <param name="Connections">Connections from the runtime to applications in pods.</param>
/// <param name="Watches">Watch requests being answered.</param>
/// <param name="ApiConnections">Connections of clients to the API server, upgraded or not.</param>
public sealed record ActivityCounts(int Tunnels, int Connections, int Watches, int ApiConnections);

/// <summary>Counts what is open, and lets tests wait for a number without polling.</summary>
public sealed class Activity
{
    private readonly Lock _lock = new();
    private ActivityCounts _now = new(0, 0, 0, 0);
    private TaskCompletionSource _changed = NewSignal();

    /// <summary>The counts at this moment.</summary>
    public ActivityCounts Now
    {
        get
        {
            lock (_lock)
                return _now;
        }
    }

    /// <summary>All connections that the API server has accepted since the start.</summary>
    public int ApiConnectionsAccepted { get; private set; }

    /// <summary>All TLS handshakes with the API server since the start that succeeded.</summary>
    public int TlsHandshakes { get; private set; }

    /// <summary>All tunnels since the start: upgrades after which the server has kept to the transport's protocol.</summary>
    public int TunnelsOpened { get; private set; }

    /// <summary>All connections to applications since the start.</summary>
    public int ConnectionsOpened { get; private set; }

    /// <summary>Completes as soon as the counts meet the condition.</summary>
    /// <exception cref="TimeoutException">They did not within the limit (30 s unless given).</exception>
    public async Task WaitUntilAsync(Func<ActivityCounts, bool> condition, TimeSpan? limit = null)
    {
        ArgumentNullException.ThrowIfNull(condition);
        using var timeout = new CancellationTokenSource(limit ?? TimeSpan.FromSeconds(30));
        while (true)
        {
            Task changed;
            ActivityCounts now;
            lock (_lock)
                (changed, now) = (_changed.Task, _now);
            if (condition(now))
                return;
            try
            {
                await changed.WaitAsync(timeout.Token);
            }
            catch (OperationCanceledException late)
            {
                throw new TimeoutException($"Still {now}.", late);
            }
        }
    }

    internal void ApiConnectionAccepted() => Change(now => now with { ApiConnections = now.ApiConnections + 1 }, () => ApiConnectionsAccepted++);

    internal void ApiConnectionClosed() => Change(now => now with { ApiConnections = now.ApiConnections - 1 });

    internal void TlsHandshakeDone() => Change(now => now, () => TlsHandshakes++);

    internal void TunnelOpened() => Change(now => now with { Tunnels = now.Tunnels + 1 }, () => TunnelsOpened++);

    internal void TunnelClosed() => Change(now => now with { Tunnels = now.Tunnels - 1 });

    internal void ConnectionOpened() => Change(now => now with { Connections = now.Connections + 1 }, () => ConnectionsOpened++);

    internal void ConnectionClosed() => Change(now => now with { Connections = now.Connections - 1 });

    internal void WatchOpened() => Change(now => now with { Watches = now.Watches + 1 });

    internal void WatchClosed() => Change(now => now with { Watches = now.Watches - 1 });

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Change(Func<ActivityCounts, ActivityCounts> change, Action? also = null)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            _now = change(_now);
            also?.Invoke();
            changed = _changed;
            _changed = NewSignal();
        }

        changed.SetResult();
    }
}
