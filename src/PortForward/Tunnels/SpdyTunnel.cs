using System.Globalization;
using Microsoft.Extensions.Logging;
using PortForward.Spdy;

namespace PortForward.Tunnels;

/// <summary>A tunnel that is a SPDY/3.1 session, whatever carries its bytes. It asks for signs of life with PINGs, which go all the way to the runtime.</summary>
internal sealed class SpdyTunnel : ITunnel, ILivingConnection
{
    private readonly SpdySession _session;
    private readonly TunnelDialOptions _options;
    private readonly Liveness _liveness;
    private readonly AnswerWatch _answers;
    private readonly Lock _gate = new();
    private int _nextRequestId = -1;

    /// <summary>Whether the pod has not answered a pair: then it answers none of those that follow in the same session either.</summary>
    private volatile bool _isStuck;

    /// <summary>The last question whether anything holds up the tunnel; guarded by the gate.</summary>
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

    long ILivingConnection.BytesReceived => _session.BytesReceived;

    bool ILivingConnection.IsReading => _session.IsReading;

    bool ILivingConnection.HasUnconfirmedData => _session.HasUnacknowledgedData;

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
    /// <remarks>Whether the session reads at this moment says little of a client that is slower than the network: the answer to a PING does.</remarks>
    public async Task<bool> IsFlowingAsync(CancellationToken cancellationToken)
    {
        if (_session.IsReading && !_session.HasUnacknowledgedData)
        {
            return true;
        }

        // One question at a time: where the tunnel is held up, each lies in the queue of the worker that holds it up, and a full one stops them all.
        Task<bool>? earlier;
        lock (_gate)
        {
            earlier = _flow;
        }

        if (earlier is { IsCompleted: false })
        {
            await earlier.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        Task<bool> question;
        lock (_gate)
        {
            _flow = question = _flow is { IsCompleted: false } asked ? asked : _session.RequestAcknowledgementAsync(CancellationToken.None);
        }

        return await question.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public Task<bool> PingAsync(CancellationToken cancellationToken) => _session.PingAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _liveness.DisposeAsync().ConfigureAwait(false);
        await _answers.DisposeAsync().ConfigureAwait(false);
        await _session.DisposeAsync().ConfigureAwait(false);
    }

    Task ILivingConnection.AskAsync(CancellationToken untilNext) =>
        _session.HasUnacknowledgedData && !_session.HasBlockedWorker ? _session.RequestAcknowledgementAsync(untilNext) : _session.PingAsync(untilNext);

    void ILivingConnection.ReportSilence() => OnSilence?.Invoke();

    void ILivingConnection.Abort(TimeoutException reason) => _session.Abort(reason);

    private void OnUnanswered(SpdyStreamPair pair)
    {
        _isStuck = true;
        pair.EndUnanswered();
    }

    /// <summary>
    /// However a session ends: the runtimes end none that is in use, or idle for less than four hours. One that this side has given up says nothing about the pod.
    /// </summary>
    private async Task<TunnelEnd> CompleteAsync()
    {
        await _session.Completion.ConfigureAwait(false);
        return _session.EndedByBlockedWorker || (_isStuck && _session.Fault is null) ? TunnelEnd.Finished : TunnelEnd.Lost;
    }
}
