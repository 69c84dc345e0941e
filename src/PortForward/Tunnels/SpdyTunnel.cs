using System.Globalization;
using Microsoft.Extensions.Logging;
using PortForward.Spdy;

namespace PortForward.Tunnels;

/// <summary>A tunnel that is a SPDY/3.1 session, whatever carries its bytes. It asks for signs of life with PINGs, which go all the way to the runtime.</summary>
internal sealed class SpdyTunnel : ITunnel, ILivingConnection
{
    private readonly SpdySession _session;
    private readonly Liveness _liveness;
    private int _nextRequestId = -1;

    public SpdyTunnel(Stream transport, TunnelDialOptions options, ILogger logger)
    {
        _session = new SpdySession(transport, new SpdySessionOptions { AlignsStreamIds = true }, logger);
        _liveness = new Liveness(this, options);
        Completion = CompleteAsync();
    }

    public bool CanOpen => _session.CanOpen;

    public bool IsConnected => _session.CanOpen;

    public bool IsMute => _session.BytesReceived == 0;

    public Task<TunnelEnd> Completion { get; }

    public bool IsSuspect => _liveness.IsSuspect && _session.CanOpen;

    public bool IsWaitingForPod => _session.IsReading;

    public int MaxFirstBytes => _session.Options.MaxDataFrameSize;

    long ILivingConnection.BytesReceived => _session.BytesReceived;

    bool ILivingConnection.IsReading => _session.IsReading;

    bool ILivingConnection.HasUnconfirmedData => _session.HasUnconfirmedData;

    public async ValueTask<OpenPairResult> OpenPairAsync(int port, ReadOnlyMemory<byte> firstBytes, CancellationToken cancellationToken)
    {
        string portText = port.ToString(CultureInfo.InvariantCulture);
        string requestId = Interlocked.Increment(ref _nextRequestId).ToString(CultureInfo.InvariantCulture);
        StreamOpening[] openings =
        [
            new(Headers("error"), Finish: true),
            new(Headers("data")),
        ];
        SpdyStream[]? streams = await _session.OpenAsync(openings, firstBytes, cancellationToken).ConfigureAwait(false);
        return streams is null
            ? new OpenPairResult(new TunnelFault(TunnelFaultKind.Lost, "the tunnel to the pod ended as soon as it was opened"))
            : new OpenPairResult(new SpdyStreamPair(streams[1], streams[0]));

        KeyValuePair<string, string>[] Headers(string streamType) =>
        [
            new("streamtype", streamType),
            new("port", portText),
            new("requestid", requestId),
        ];
    }

    /// <inheritdoc/>
    /// <remarks>Whether the session reads at this moment says little of a client that is slower than the network: the answer to a PING does.</remarks>
    public async Task<bool> IsFlowingAsync(CancellationToken cancellationToken) =>
        (_session.IsReading && !_session.HasUnconfirmedData) || await _session.ConfirmTakenAsync(cancellationToken).ConfigureAwait(false);

    public Task<bool> PingAsync(CancellationToken cancellationToken) => _session.PingAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _liveness.DisposeAsync().ConfigureAwait(false);
        await _session.DisposeAsync().ConfigureAwait(false);
    }

    Task ILivingConnection.AskAsync(CancellationToken untilNext) =>
        _session.HasUnconfirmedData ? _session.ConfirmTakenAsync(untilNext) : _session.PingAsync(untilNext);

    void ILivingConnection.Abort(TimeoutException reason) => _session.Abort(reason);

    /// <summary>
    /// However a session ends: the runtimes end none that is in use, or idle for less than four hours. One that has lost a worker was of no more use, and its end says
    /// nothing about the pod.
    /// </summary>
    private async Task<TunnelEnd> CompleteAsync()
    {
        await _session.Completion.ConfigureAwait(false);
        return _session.HasLostWorker ? TunnelEnd.Finished : TunnelEnd.Lost;
    }
}
