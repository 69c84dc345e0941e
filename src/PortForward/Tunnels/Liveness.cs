namespace PortForward.Tunnels;

/// <summary>A connection to a pod, as far as its signs of life go.</summary>
internal interface ILivingConnection
{
    /// <summary>How many bytes have arrived so far. As long as it grows, the peer is alive.</summary>
    long BytesReceived { get; }

    /// <summary>Whether the connection waits for the peer at this moment, and not for a client that does not read.</summary>
    bool IsReading { get; }

    /// <summary>Whether data was sent that the peer may not have taken yet: then its silence may be that of an application that does not read.</summary>
    bool HasUnconfirmedData { get; }

    /// <summary>Asks the peer for a sign of life, and waits for it no longer than until the token is cancelled.</summary>
    Task AskAsync(CancellationToken untilNext);

    /// <summary>Called when <see cref="Liveness.IsSilent"/> or <see cref="Liveness.IsUnresponsive"/> has become true.</summary>
    void ReportSilence();

    /// <summary>Ends the connection, as it is dead.</summary>
    void Abort(TimeoutException reason);
}

/// <summary>Notices the death of a connection.</summary>
/// <remarks>
/// Alive means that a byte has arrived since the last question. The question also keeps load balancers and firewalls from cutting an
/// idle connection.
/// </remarks>
internal sealed class Liveness : IAsyncDisposable
{
    private readonly ILivingConnection _connection;
    private readonly TunnelDialOptions _options;
    private readonly SilenceWatch _watch;
    private readonly ITimer _pulse;
    private readonly Lock _gate = new();
    private volatile Silence _silence;

    public Liveness(ILivingConnection connection, TunnelDialOptions options)
    {
        _connection = connection;
        _options = options;
        TimeSpan interval = Interval(options);
        _watch = new SilenceWatch(options.Time, interval, options.LivenessTimeout);
        _pulse = options.Time.CreateTimer(static liveness => ((Liveness)liveness!).Check(), this, interval, interval);
    }

    /// <summary>Whether nothing was heard for a whole interval, although this side was reading and had asked.</summary>
    /// <remarks>A byte that has come since the last look is a sign of life already.</remarks>
    public bool IsSilent => _silence != Silence.None && _connection.BytesReceived == _watch.Received;

    /// <summary>Whether the connection was silent for the whole timeout while data is on its way that an application may simply not be reading.</summary>
    public bool IsUnresponsive => _silence == Silence.TimedOut && IsSilent;

    /// <summary>How often a connection is asked for a sign of life.</summary>
    public static TimeSpan Interval(TunnelDialOptions options) => options.LivenessTimeout / TunnelDialOptions.PingsPerTimeout;

    public ValueTask DisposeAsync() => _pulse.DisposeAsync();

    /// <summary>Looks whether the peer has been heard since the last time, draws the consequences, and asks again.</summary>
    private void Check()
    {
        Silence before, now;
        lock (_gate)
        {
            before = _silence;
            _silence = now = _watch.Look(_connection.BytesReceived, _connection.IsReading);
        }

        if (now == Silence.TimedOut && !_connection.HasUnconfirmedData)
        {
            _connection.Abort(new TimeoutException($"the tunnel gave no sign of life for {_options.LivenessTimeout.TotalSeconds:0.#} s"));
            return;
        }

        if (now != Silence.None && now != before)
        {
            _connection.ReportSilence();
        }

        _ = AskAsync();
    }

    /// <summary>
    /// The reply itself does not matter, any byte does; a stalled stream legitimately holds it up. It is waited for until the next
    /// question only, or else those of a connection that stalls for days would pile up.
    /// </summary>
    private async Task AskAsync()
    {
        using var untilNext = new CancellationTokenSource(Interval(_options), _options.Time);
        try
        {
            await _connection.AskAsync(untilNext.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // No reply yet, which says nothing.
        }
    }
}
