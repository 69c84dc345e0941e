namespace PortForward.Tunnels;

/// <summary>Notices the death of a connection.</summary>
/// <remarks>
/// A connection is alive if a byte has arrived since the last ping. The ping is also a keep-alive: load balancers and firewalls do not cut a connection
/// that it keeps busy.
/// </remarks>
internal sealed class Liveness : IAsyncDisposable
{
    private readonly IMonitoredConnection _connection;
    private readonly TunnelDialOptions _options;
    private readonly SilenceWatch _watch;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private volatile Silence _silence;

    public Liveness(IMonitoredConnection connection, TunnelDialOptions options)
    {
        _connection = connection;
        _options = options;
        TimeSpan interval = Interval(options);
        _watch = new SilenceWatch(options.Time, interval, options.LivenessTimeout);
        _timer = options.Time.CreateTimer(static liveness => ((Liveness)liveness!).Check(), this, interval, interval);
    }

    /// <summary>Whether nothing was received for a whole interval, although this side was reading and had sent a ping.</summary>
    /// <remarks>A byte that has arrived since the last check proves already that the peer is alive.</remarks>
    public bool IsSilent => _silence != Silence.None && _connection.BytesReceived == _watch.Received;

    /// <summary>Whether the connection was silent for the whole timeout while data is unacknowledged, which an application may simply not be reading.</summary>
    public bool IsUnresponsive => _silence == Silence.TimedOut && IsSilent;

    /// <summary>How often a connection is pinged.</summary>
    public static TimeSpan Interval(TunnelDialOptions options) => options.LivenessTimeout / TunnelDialOptions.PingsPerTimeout;

    public ValueTask DisposeAsync() => _timer.DisposeAsync();

    /// <summary>Checks whether anything has arrived since the last check, acts on the result, and sends the next ping.</summary>
    private void Check()
    {
        Silence before, now;
        lock (_gate)
        {
            before = _silence;
            _silence = now = _watch.Check(_connection.BytesReceived, _connection.IsReading);
        }

        if (now == Silence.TimedOut && !_connection.HasUnacknowledgedData)
        {
            _connection.Abort(new TimeoutException($"nothing was received through the tunnel for {_options.LivenessTimeout.TotalSeconds:0.#} s"));
            return;
        }

        if (now != Silence.None && now != before)
        {
            _connection.ReportSilence();
        }

        _ = PingAsync();
    }

    /// <summary>
    /// Any byte proves that the peer is alive, not only the reply, which a stalled stream may delay. Each ping waits for its reply until the next one only;
    /// otherwise the pings of a connection that stalls for days would pile up.
    /// </summary>
    private async Task PingAsync()
    {
        using var untilNext = new CancellationTokenSource(Interval(_options), _options.Time);
        try
        {
            await _connection.PingAsync(untilNext.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // No reply yet, which says nothing.
        }
    }
}
