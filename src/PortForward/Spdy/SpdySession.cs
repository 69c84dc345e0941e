using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace PortForward.Spdy;

/// <summary>
/// The client's side of a SPDY/3.1 session over any duplex byte stream, as far as port forwarding uses it: only this side opens streams, and there is no flow
/// control, since the runtimes have none (reference: SPDY/3.1 draft, and the behaviour of moby/spdystream).
/// </summary>
/// <remarks>
/// One read loop takes frames from the transport and hands their bytes to the streams. When a stream's consumer does not read, the loop waits for it, and so do
/// all other streams of the session. Whoever needs isolation uses one session each.
/// <para>
/// The parts: <see cref="FrameDispatcher"/> reads, <see cref="FrameSender"/> writes. <see cref="StreamTable"/> knows the open streams and the next ids.
/// <see cref="PingExchange"/> sends PINGs and awaits pongs. <see cref="PeerWorkers"/> counts what the peer has acknowledged, from which
/// <see cref="WorkerBlockage"/> concludes which streams the peer will never serve, and <see cref="BlockedStreams"/> ends those.
/// </para>
/// </remarks>
internal sealed partial class SpdySession : IAsyncDisposable
{
    /// <summary>
    /// How many frames of a stream are sent before it is another stream's turn. In one write they cost one system call and one WebSocket message.
    /// </summary>
    private const int FramesAtOnce = 2;

    private readonly Stream _transport;
    private readonly ILogger _logger;
    private readonly PipeOptions _inputOptions;
    private readonly WorkerBlockage _blockage;
    private readonly BlockedStreams _blocked;
    private readonly FrameSender _sender;
    private readonly PingExchange _exchange;
    private readonly FrameDispatcher _dispatcher;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _readLoop;

    /// <summary>Guards the fields below it, and what the parts of the session decide.</summary>
    private readonly Lock _gate = new();
    private readonly StreamTable _streams;
    private readonly Pings _pings = new();
    private bool _draining;
    private bool _ended;
    private Exception? _fault;

    /// <summary>Starts a session on a transport, which it owns from now on.</summary>
    /// <param name="transport">A duplex byte stream whose peer is ready to speak SPDY/3.1.</param>
    /// <param name="options">Sizes; the defaults if null.</param>
    /// <param name="logger">For diagnostics; none if null.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is outside of its range.</exception>
    public SpdySession(Stream transport, SpdySessionOptions? options = null, ILogger? logger = null)
    {
        Options = options ?? new SpdySessionOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(Options.StreamBufferSize, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(Options.MaxDataFrameSize, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Options.MaxDataFrameSize, FrameHeader.MaxLength, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(Options.ReceiveBufferSize, FrameDispatcher.ControlHeadSize, nameof(options));

        _transport = transport;
        _logger = logger ?? NullLogger.Instance;
        _streams = new StreamTable(Workers, Options.AlignsStreamIds);
        _blockage = new WorkerBlockage(Workers, _pings);
        _blocked = new BlockedStreams(_gate, _streams, _pings, _blockage, Abort, _logger);
        _sender = new FrameSender(transport, Abort);
        _exchange = new PingExchange(_gate, _sender, Workers, _pings, _blockage);
        _dispatcher = new FrameDispatcher(this, _exchange, transport);

        // Readers run inline, so that a consumer that keeps up costs no change of thread. The read loop resumes on the thread pool, so that a consumer that
        // frees some room does not run it.
        _inputOptions = new PipeOptions(
            pool: null,
            readerScheduler: PipeScheduler.Inline,
            writerScheduler: PipeScheduler.ThreadPool,
            pauseWriterThreshold: Options.StreamBufferSize,
            resumeWriterThreshold: Math.Max(1, Options.StreamBufferSize / 2),
            minimumSegmentSize: Math.Min(Options.StreamBufferSize, Options.ReceiveBufferSize),
            useSynchronizationContext: false);
        _readLoop = Task.Run(ReadLoopAsync);
    }

    /// <summary>The options in force.</summary>
    public SpdySessionOptions Options { get; }

    /// <summary>Completes when the session has ended and every stream knows it. Never faults: <see cref="Fault"/> says why.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Why the session ended; null while it lives, and after it has ended gracefully.</summary>
    public Exception? Fault
    {
        get
        {
            lock (_gate)
            {
                return _fault;
            }
        }
    }

    /// <summary>
    /// Whether new streams can be opened: the session lives, the peer sent no GOAWAY, and stream ids are left. It stays true while a worker of the peer is
    /// blocked, although <see cref="OpenAsync"/> opens nothing then.
    /// </summary>
    public bool CanOpen
    {
        get
        {
            lock (_gate)
            {
                return CanOpenNow(1);
            }
        }
    }

    /// <summary>What was sent to the peer's workers, and what they have acknowledged.</summary>
    internal PeerWorkers Workers { get; } = new();

    /// <summary>The encoder of the header blocks, for whoever composes a write.</summary>
    internal HeaderBlockEncoder HeaderEncoder { get; } = new();

    /// <summary>How many bytes of a stream are sent before it is another stream's turn.</summary>
    internal int MaxSentAtOnce => FramesAtOnce * Options.MaxDataFrameSize;

    /// <summary>How many pongs somebody waits for.</summary>
    internal int AwaitedPongs => _exchange.Awaited;

    /// <summary>How many bytes have arrived so far. As long as it grows, the peer is alive.</summary>
    internal long BytesReceived => _dispatcher.BytesReceived;

    /// <summary>Whether the session waits for the peer at this moment, and not for a consumer that does not read.</summary>
    internal bool IsReading => _dispatcher.IsReading;

    /// <inheritdoc cref="WorkerBlockage.HasUnacknowledgedData"/>
    internal bool HasUnacknowledgedData => _blockage.HasUnacknowledgedData;

    /// <inheritdoc cref="WorkerBlockage.HasBlockedWorker"/>
    internal bool HasBlockedWorker => _blockage.HasBlockedWorker;

    /// <summary>Whether this side has ended the session while a worker was blocked. That says nothing about the pod.</summary>
    internal bool EndedByBlockedWorker => _blockage.HasBlockedWorker && Fault is SpdyProtocolException or TimeoutException;

    /// <summary>
    /// Opens streams and sends initial data on the last of them, all in one write to the transport. It does not wait for replies: a SYN_REPLY says nothing
    /// about the application, and waiting would cost a round trip.
    /// </summary>
    /// <param name="openings">What to open, in the order in which the streams get their ids; at least one.</param>
    /// <param name="initialData">Bytes for the last stream, at most <see cref="SpdySessionOptions.MaxDataFrameSize"/>.</param>
    /// <param name="cancellationToken">Ends the wait for a turn to write; then no stream was opened.</param>
    /// <returns>
    /// The streams in the order of <paramref name="openings"/>, or null when the session opens no streams any more and nothing was handed to the transport. If
    /// the transport fails meanwhile, the streams end with <see cref="StreamEndKind.SessionLost"/>.
    /// </returns>
    /// <exception cref="ArgumentException">There is nothing to open, or the headers or the initial data are too large; the session goes on.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled before it was this call's turn.</exception>
    public async ValueTask<SpdyStream[]?> OpenAsync(
        IReadOnlyList<StreamOpening> openings, ReadOnlyMemory<byte> initialData, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(openings);
        ArgumentOutOfRangeException.ThrowIfZero(openings.Count, nameof(openings));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(initialData.Length, Options.MaxDataFrameSize, nameof(initialData));

        var streams = new SpdyStream[openings.Count];
        int size = FrameHeader.Size + initialData.Length;
        for (int i = 0; i < streams.Length; i++)
        {
            streams[i] = new SpdyStream(this, _inputOptions, outputOpen: !openings[i].Finish);
            size += ControlFrames.MaxSynStreamSize(openings[i].Headers);
        }

        var batch = new OpeningBatch(this, openings, streams, initialData);
        try
        {
            await _sender.SendAsync(size, batch, static (batch, destination) => batch.Compose(destination), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (IsTransportFault(e))
        {
            // The sender has reported it to Abort. Streams that were registered end with the session.
        }

        return batch.IsRegistered ? streams : null;
    }

    /// <summary>Sends a PING and waits for its pong.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True when the pong has come; false when the session ended first.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before.</exception>
    public Task<bool> PingAsync(CancellationToken cancellationToken = default) => _exchange.PingAsync(cancellationToken);

    /// <summary>
    /// Waits until the peer has acknowledged everything that was sent so far. Data that an application never reads blocks one of the peer's workers for good,
    /// and with it a fifth of the later streams, while the rest of the session lives on.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True when all of it is acknowledged; false when the session ended first. It may take forever.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before.</exception>
    public Task<bool> RequestAcknowledgementAsync(CancellationToken cancellationToken = default) => _exchange.PingEveryWorkerAsync(cancellationToken);

    /// <summary>Ends the session: streams that are still open end with <see cref="StreamEndKind.SessionLost"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        TryEnd(fault: null);
        await _transport.DisposeAsync().ConfigureAwait(false);
        EndStreams();
        await _readLoop.ConfigureAwait(false);
    }

    /// <summary>Ends the session because of a fault; the first one counts.</summary>
    internal void Abort(Exception fault)
    {
        if (TryEnd(fault))
        {
            LogAborted(fault.Message);
            _transport.Dispose();
            EndStreams();
        }
    }

    /// <inheritdoc cref="PingExchange.RequestAcknowledgementAsync"/>
    internal Task<bool> RequestAcknowledgementAsync(SpdyStream stream, CancellationToken cancellationToken) =>
        _exchange.RequestAcknowledgementAsync(stream, cancellationToken);

    /// <inheritdoc cref="PingExchange.FinishAndRequestAcknowledgementAsync"/>
    internal Task<bool> FinishAndRequestAcknowledgementAsync(SpdyStream stream, CancellationToken cancellationToken) =>
        _exchange.FinishAndRequestAcknowledgementAsync(stream, cancellationToken);

    /// <summary>Whether a stream may have to wait until the peer has handled data of other streams.</summary>
    internal bool IsBehindOthers(SpdyStream stream) => _blockage.IsBehindOthers(stream.Id, stream.DataBefore);

    /// <summary>
    /// Ends the streams that wait forever behind a stream which the peer has ended without acknowledging all of its data. They end with
    /// <see cref="StreamEndKind.SessionLost"/>, and so do those that were opened together with them. Other streams of the blocked worker may still receive, but
    /// not send, and the session opens no stream any more. Where the whole peer is blocked, the session ends.
    /// </summary>
    /// <returns>
    /// True when nothing is left to do. False while it is unclear what blocks the worker; then this must be called again after a while, with PINGs to all
    /// workers in between.
    /// </returns>
    internal bool TryReleaseStreamsBehind(SpdyStream stream) => _blocked.TryReleaseBehind(stream, IsReading);

    /// <summary>
    /// Sends data frames of a stream, at least one and as many as the bytes need, each with the same flags. False when the stream's half or the session has
    /// ended.
    /// </summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<bool> SendDataAsync(SpdyStream stream, ReadOnlyMemory<byte> data, FrameFlags flags, CancellationToken cancellationToken)
    {
        if (_blocked.EndIfBlocked(stream))
        {
            return false;
        }

        var frames = new DataFrames(this, stream, data, flags);
        int sent;
        try
        {
            sent = await _sender
                .SendAsync(frames.Size, frames, static (frames, destination) => frames.Compose(destination), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (Exception e) when (IsTransportFault(e))
        {
            return false;
        }

        if (stream.IsOver)
        {
            Forget(stream);
        }

        // Once more, as the worker may have become blocked before these frames were counted.
        return !_blocked.EndIfBlocked(stream) && sent > 0;
    }

    /// <summary>Sends RST_STREAM without waiting, unless the worker that should handle it is blocked.</summary>
    internal void SendReset(uint streamId, ResetStatus status)
    {
        if (_blockage.IsBlocked(streamId))
        {
            return;
        }

        Span<byte> frame = stackalloc byte[ControlFrames.RstStreamSize];
        ControlFrames.WriteRstStream(frame, streamId, status);
        bool hadRoom;
        lock (_gate)
        {
            // Counted in the order of the wire, since the pong of a later PING acknowledges it.
            Workers.Send(streamId, frames: 1, isData: false);
            hadRoom = _sender.Enqueue(frame);
        }

        _sender.FlushOrFault(hadRoom);
    }

    /// <summary>
    /// Makes new streams part of the session and gives them their ids, when it is their turn on the wire. False if the session opens none any more.
    /// </summary>
    internal bool TryRegister(SpdyStream[] streams)
    {
        lock (_gate)
        {
            if (!CanOpenNow(streams.Length) || _blockage.HasBlockedWorker)
            {
                return false;
            }

            _streams.Add(streams);
            return true;
        }
    }

    /// <summary>The open stream of an id; null if there is none.</summary>
    internal SpdyStream? Find(uint streamId)
    {
        lock (_gate)
        {
            return _streams.Find(streamId);
        }
    }

    /// <summary>Removes a stream from the session; later frames for it are ignored. False if it was not known any more.</summary>
    internal bool Forget(SpdyStream stream)
    {
        lock (_gate)
        {
            return _streams.Remove(stream);
        }
    }

    /// <summary>Ends a stream as the peer says.</summary>
    internal void EndStream(SpdyStream stream, StreamEnd end)
    {
        stream.End(end);
        if (stream.IsOver)
        {
            Forget(stream);
        }
    }

    /// <summary>After a GOAWAY no stream is opened any more, and those that the peer has not processed are over (2.6.6).</summary>
    internal void OnGoAway(uint lastGoodStreamId, uint status)
    {
        LogGoAway(lastGoodStreamId, status);
        List<SpdyStream> refused;
        lock (_gate)
        {
            _draining = true;
            refused = _streams.FindAll(stream => stream.Id > lastGoodStreamId);
        }

        foreach (SpdyStream stream in refused)
        {
            EndStream(stream, new StreamEnd(StreamEndKind.ResetByPeer, ResetStatus.RefusedStream));
        }
    }

    private static bool IsTransportFault(Exception e) => e is IOException or ObjectDisposedException;

    /// <summary>Called with the lock held.</summary>
    private bool CanOpenNow(int count) => !_ended && !_draining && _streams.HasIdsFor(count);

    private async Task ReadLoopAsync()
    {
        try
        {
            await _dispatcher.RunAsync().ConfigureAwait(false);
            EndGracefully();
        }
        catch (Exception e)
        {
            // Whatever it was, it is what ended the session, and Fault tells it.
            Abort(e);
        }
        finally
        {
            EndStreams();
            _completion.TrySetResult();
        }
    }

    private void EndGracefully()
    {
        TryEnd(fault: null);
        LogClosed();
        _transport.Dispose();
    }

    /// <summary>Marks the session as ended. False if it was already.</summary>
    private bool TryEnd(Exception? fault)
    {
        lock (_gate)
        {
            if (_ended)
            {
                return false;
            }

            _ended = true;
            _fault = fault;
            _pings.Refuse();
            return true;
        }
    }

    /// <summary>Tells every stream that the session is over, which also wakes a read loop that waits for one of their consumers.</summary>
    private void EndStreams()
    {
        SpdyStream[] streams;
        Ping[] pings;
        lock (_gate)
        {
            streams = _streams.Clear();
            pings = _pings.Close();
        }

        foreach (SpdyStream stream in streams)
        {
            stream.End(new StreamEnd(StreamEndKind.SessionLost));
        }

        foreach (Ping ping in pings)
        {
            ping.Complete(hasPong: false);
        }
    }
}
