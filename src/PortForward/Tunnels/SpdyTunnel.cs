using System.Globalization;
using Microsoft.Extensions.Logging;
using PortForward.Spdy;

namespace PortForward.Tunnels;

/// <summary>A tunnel that is a SPDY/3.1 session, whatever carries its bytes.</summary>
/// <remarks>
/// Alive means that a byte has arrived since the last question. The question is a PING: it also keeps load balancers and firewalls
/// from cutting an idle tunnel.
/// </remarks>
internal sealed class SpdyTunnel : ITunnel
{
    /// <summary>How many questions fit into the time after which a silent tunnel is given up.</summary>
    private const int QuestionsPerTimeout = 3;

    /// <summary>How much more the wall clock may have moved than the steady one, which on Linux stands still while the system sleeps.</summary>
    private static readonly TimeSpan MaxClockDrift = TimeSpan.FromSeconds(2);

    private readonly SpdySession _session;
    private readonly TunnelDialOptions _options;
    private readonly ITimer _pulse;
    private readonly Lock _gate = new();
    private int _nextRequestId = -1;
    private long _receivedBefore;
    private long _heardAt;
    private long _askedAt;
    private DateTimeOffset _askedAtWallClock;
    private volatile bool _isSuspect;

    public SpdyTunnel(Stream transport, TunnelDialOptions options, ILogger logger)
    {
        _session = new SpdySession(transport, options: null, logger);
        _options = options;
        _heardAt = _askedAt = options.Time.GetTimestamp();
        _askedAtWallClock = options.Time.GetUtcNow();
        TimeSpan interval = PingInterval(options);
        _pulse = options.Time.CreateTimer(static tunnel => ((SpdyTunnel)tunnel!).Check(), this, interval, interval);
    }

    public bool CanOpen => _session.CanOpen;

    public Task Completion => _session.Completion;

    public bool IsSuspect => _isSuspect && _session.CanOpen;

    public bool IsWaitingForPod => _session.IsReading;

    public int MaxFirstBytes => _session.Options.MaxDataFrameSize;

    /// <summary>How often a tunnel asks for a sign of life.</summary>
    public static TimeSpan PingInterval(TunnelDialOptions options) => options.LivenessTimeout / QuestionsPerTimeout;

    public async ValueTask<IStreamPair?> OpenPairAsync(int port, ReadOnlyMemory<byte> firstBytes, CancellationToken cancellationToken)
    {
        string portText = port.ToString(CultureInfo.InvariantCulture);
        string requestId = Interlocked.Increment(ref _nextRequestId).ToString(CultureInfo.InvariantCulture);
        StreamOpening[] openings =
        [
            new(Headers("error"), Finish: true),
            new(Headers("data")),
        ];
        SpdyStream[]? streams = await _session.OpenAsync(openings, firstBytes, cancellationToken).ConfigureAwait(false);
        return streams is null ? null : new SpdyStreamPair(streams[1], streams[0]);

        KeyValuePair<string, string>[] Headers(string streamType) =>
        [
            new("streamtype", streamType),
            new("port", portText),
            new("requestid", requestId),
        ];
    }

    public async Task<bool> IsFlowingAsync(CancellationToken cancellationToken) =>
        _session.IsReading
        && (!_session.HasUnconfirmedData || await _session.ConfirmTakenAsync(cancellationToken).ConfigureAwait(false));

    public async ValueTask DisposeAsync()
    {
        await _pulse.DisposeAsync().ConfigureAwait(false);
        await _session.DisposeAsync().ConfigureAwait(false);
    }

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
        bool slept = wallClock - _askedAtWallClock - sinceQuestion > MaxClockDrift || sinceQuestion >= 2 * PingInterval(_options);
        long received = _session.BytesReceived;
        if (received != _receivedBefore || !_session.IsReading)
        {
            // While this side does not read, because a client does not, nothing can be heard. What was heard came after the last question.
            _heardAt = received != _receivedBefore ? _askedAt : now;
            _receivedBefore = received;
            _isSuspect = false;
        }
        else if (!slept && _options.Time.GetElapsedTime(_heardAt, now) >= _options.LivenessTimeout)
        {
            if (_session.HasUnconfirmedData)
            {
                _isSuspect = true;
            }
            else
            {
                _session.Abort(new TimeoutException($"the tunnel gave no sign of life for {_options.LivenessTimeout.TotalSeconds:0.#} s"));
            }
        }

        if (slept)
        {
            // The system slept, or the program was stopped. What was heard before says nothing; the question that follows is the only one.
            _heardAt = now - (long)((_options.LivenessTimeout - PingInterval(_options)).TotalSeconds * _options.Time.TimestampFrequency);
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
        using var untilNext = new CancellationTokenSource(PingInterval(_options), _options.Time);
        try
        {
            await (_session.HasUnconfirmedData ? _session.ConfirmTakenAsync(untilNext.Token) : _session.PingAsync(untilNext.Token)).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // No reply yet, which says nothing.
        }
    }
}
