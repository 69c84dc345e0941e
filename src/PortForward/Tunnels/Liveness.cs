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
    /// <summary>How many questions fit into the time after which a silent connection is given up.</summary>
    private const int QuestionsPerTimeout = 3;

    /// <summary>How much more the wall clock may have moved than the steady one, which on Linux stands still while the system sleeps.</summary>
    private static readonly TimeSpan MaxClockDrift = TimeSpan.FromSeconds(2);

    private readonly ILivingConnection _connection;
    private readonly TunnelDialOptions _options;
    private readonly ITimer _pulse;
    private readonly Lock _gate = new();
    private long _receivedBefore;
    private long _heardAt;
    private long _askedAt;
    private DateTimeOffset _askedAtWallClock;
    private volatile bool _isSuspect;

    public Liveness(ILivingConnection connection, TunnelDialOptions options)
    {
        _connection = connection;
        _options = options;
        _heardAt = _askedAt = options.Time.GetTimestamp();
        _askedAtWallClock = options.Time.GetUtcNow();
        TimeSpan interval = Interval(options);
        _pulse = options.Time.CreateTimer(static liveness => ((Liveness)liveness!).Check(), this, interval, interval);
    }

    /// <summary>Whether the connection is silent while data is on its way that an application may simply not be reading.</summary>
    /// <remarks>A byte that has come since the last look is a sign of life already.</remarks>
    public bool IsSuspect => _isSuspect && _connection.BytesReceived == Volatile.Read(ref _receivedBefore);

    /// <summary>How often a connection is asked for a sign of life.</summary>
    public static TimeSpan Interval(TunnelDialOptions options) => options.LivenessTimeout / QuestionsPerTimeout;

    public ValueTask DisposeAsync() => _pulse.DisposeAsync();

    /// <summary>Looks whether the peer has been heard since the last time, draws the consequences, and asks again.</summary>
    private void Check()
    {
        lock (_gate)
        {
            Listen();
        }

        _ = AskAsync();
    }

    private void Listen()
    {
        long now = _options.Time.GetTimestamp();
        DateTimeOffset wallClock = _options.Time.GetUtcNow();
        TimeSpan sinceQuestion = _options.Time.GetElapsedTime(_askedAt, now);
        bool slept = wallClock - _askedAtWallClock - sinceQuestion > MaxClockDrift || sinceQuestion >= 2 * Interval(_options);
        long received = _connection.BytesReceived;
        if (received != _receivedBefore || !_connection.IsReading)
        {
            // While this side does not read, because a client does not, nothing can be heard. What was heard came after the last question.
            _heardAt = received != _receivedBefore ? _askedAt : now;
            _receivedBefore = received;
            _isSuspect = false;
        }
        else if (!slept && _options.Time.GetElapsedTime(_heardAt, now) >= _options.LivenessTimeout)
        {
            if (_connection.HasUnconfirmedData)
            {
                _isSuspect = true;
            }
            else
            {
                _connection.Abort(new TimeoutException($"the tunnel gave no sign of life for {_options.LivenessTimeout.TotalSeconds:0.#} s"));
            }
        }

        if (slept)
        {
            // The system slept, or the program was stopped. What was heard before says nothing; the question that follows is the only one.
            _heardAt = now - (long)((_options.LivenessTimeout - Interval(_options)).TotalSeconds * _options.Time.TimestampFrequency);
        }

        _askedAt = now;
        _askedAtWallClock = wallClock;
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
