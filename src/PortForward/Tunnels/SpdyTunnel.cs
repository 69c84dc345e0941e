using System.Globalization;
using Microsoft.Extensions.Logging;
using PortForward.Spdy;

namespace PortForward.Tunnels;

/// <summary>A tunnel that is a SPDY/3.1 session, whatever carries its bytes. Its keep-alives are PINGs, which the runtime itself answers.</summary>
internal sealed class SpdyTunnel : ITunnel, IMonitoredConnection
{
    private readonly SpdySession _session;
    private readonly TunnelDialOptions _options;
    private readonly Liveness _liveness;
    private readonly AnswerWatch _answers;
    private readonly Lock _gate = new();
    private int _nextRequestId = -1;

    /// <summary>Whether the pod has left a pair unanswered. Then it does not answer later pairs of the session either.</summary>
    private volatile bool _isStuck;

    /// <summary>The last probe of whether the tunnel flows; guarded by the gate.</summary>
    private Task<bool>? _flow;

    public SpdyTunnel(Stream transport, TunnelDialOptions options, ILogger logger)
    {
        _session = new SpdySession(transport, new SpdySessionOptions { AlignsStreamIds = true }, logger);
        _options = options;
        _liveness = new Liveness(this, options);
        _answers = new AnswerWatch(options.Time, () => _session.IsReading, OnUnanswered);
        Completion = CompleteAsync();
    }

    public Action? OnSilence { get; set; }

    public bool CanOpen => _session.CanOpen && !_isStuck;

    public bool IsConnected => _session.CanOpen;

    public bool HasReceived => _session.BytesReceived > 0;

    public Task<TunnelEnd> Completion { get; }

    public bool IsUnresponsive => _liveness.IsUnresponsive && _session.CanOpen;

    public bool IsSilent => _liveness.IsSilent && _session.CanOpen;

    public bool IsWaitingForPod => _session.IsReading;

    public int MaxInitialData => _session.Options.MaxDataFrameSize;

    long IMonitoredConnection.BytesReceived => _session.BytesReceived;

    bool IMonitoredConnection.IsReading => _session.IsReading;

    bool IMonitoredConnection.HasUnacknowledgedData => _session.HasUnacknowledgedData;

    public async ValueTask<Attempt<ITunnelPair>> OpenPairAsync(int port, ReadOnlyMemory<byte> initialData, CancellationToken cancellationToken)
    {
        string portText = port.ToString(CultureInfo.InvariantCulture);
        string requestId = Interlocked.Increment(ref _nextRequestId).ToString(CultureInfo.InvariantCulture);
        StreamOpening[] openings =
        [
            new(Headers("error"), Finish: true),
            new(Headers("data")),
        ];
        SpdyStream[]? streams = await _session.OpenAsync(openings, initialData, cancellationToken).ConfigureAwait(false);
        if (streams is null)
        {
            return new Attempt<ITunnelPair>(new TunnelFault(TunnelFaultKind.Lost, "the tunnel to the pod ended as soon as it was opened"));
        }

        var pair = new SpdyStreamPair(_session, streams[1], streams[0], new AnswerWait(_options.Time, _options.StreamAnswerTimeout));
        _answers.Add(pair);
        return new Attempt<ITunnelPair>(pair);

        KeyValuePair<string, string>[] Headers(string streamType) =>
        [
            new("streamtype", streamType),
            new("port", portText),
            new("requestid", requestId),
        ];
    }

    /// <inheritdoc/>
    /// <remarks>Whether the session reads at this moment says little about a client that is slower than the network; the reply to a PING does.</remarks>
    public async Task<bool> IsFlowingAsync(CancellationToken cancellationToken)
    {
        if (_session.IsReading && !_session.HasUnacknowledgedData)
        {
            return true;
        }

        // One probe at a time: PINGs stay in the queue of a blocked worker, and a full queue stops the peer from reading.
        Task<bool>? earlier;
        lock (_gate)
        {
            earlier = _flow;
        }

        if (earlier is { IsCompleted: false })
        {
            await earlier.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        Task<bool> probe;
        lock (_gate)
        {
            _flow = probe = _flow is { IsCompleted: false } running ? running : _session.RequestAcknowledgementAsync(CancellationToken.None);
        }

        return await probe.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public Task<bool> PingAsync(CancellationToken cancellationToken) => _session.PingAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _liveness.DisposeAsync().ConfigureAwait(false);
        await _answers.DisposeAsync().ConfigureAwait(false);
        await _session.DisposeAsync().ConfigureAwait(false);
    }

    Task IMonitoredConnection.PingAsync(CancellationToken untilNext) =>
        _session.HasUnacknowledgedData && !_session.HasBlockedWorker ? _session.RequestAcknowledgementAsync(untilNext) : _session.PingAsync(untilNext);

    void IMonitoredConnection.ReportSilence() => OnSilence?.Invoke();

    void IMonitoredConnection.Abort(TimeoutException reason) => _session.Abort(reason);

    private void OnUnanswered(SpdyStreamPair pair)
    {
        _isStuck = true;
        pair.EndUnanswered();
    }

    /// <summary>
    /// Any end of a session counts as a loss, since the runtimes end none that is in use, or idle for less than four hours. The exceptions are sessions that
    /// this side has ended for reasons that say nothing about the pod.
    /// </summary>
    private async Task<TunnelEnd> CompleteAsync()
    {
        await _session.Completion.ConfigureAwait(false);
        return _session.EndedByBlockedWorker || (_isStuck && _session.Fault is null) ? TunnelEnd.Finished : TunnelEnd.Lost;
    }
}
