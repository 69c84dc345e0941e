using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace PortForward.Spdy;

/// <summary>
/// The client's side of a SPDY/3.1 session over any duplex byte stream, as far as port forwarding uses it: streams opened by
/// this side, without flow control (the runtimes have none; reference: SPDY/3.1 draft, and moby/spdystream's behaviour).
/// </summary>
/// <remarks>
/// One read loop takes frames from the transport and hands their bytes to the streams. When a stream's consumer does not read,
/// the loop waits for it, and so does every other stream of this session: whoever needs isolation uses one session each.
/// </remarks>
public sealed partial class SpdySession : IAsyncDisposable
{
    /// <summary>
    /// How many frames of a stream are sent before it is another one's turn: in one write they cost one system call and one WebSocket message.
    /// </summary>
    private const int FramesAtOnce = 2;

    /// <summary>The most bytes of a control frame's body that matter; header blocks behind them are skipped unread.</summary>
    private const int ControlHeadSize = 8;

    private readonly Stream _transport;
    private readonly ILogger _logger;
    private readonly PipeOptions _inputOptions;
    private readonly FrameSender _sender;
    private readonly PingExchange _exchange;
    private readonly TransportReader _reader;

    /// <summary>Guards the fields below it.</summary>
    private readonly Lock _gate = new();
    private readonly StreamTable _streams;
    private readonly Pings _pings = new();
    private readonly PeerWorkers _workers = new();
    private readonly WorkerBlockage _blockage;
    private bool _draining;
    private bool _ended;
    private Exception? _fault;

    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _readLoop;

    /// <summary>The stream whose consumer has not been told yet of the last bytes; the read loop's own.</summary>
    private SpdyStream? _unflushed;

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
        ArgumentOutOfRangeException.ThrowIfLessThan(Options.ReceiveBufferSize, ControlHeadSize, nameof(options));

        _transport = transport;
        _logger = logger ?? NullLogger.Instance;
        _blockage = new WorkerBlockage(_workers, _pings);
        _streams = new StreamTable(_workers, Options.AlignsStreamIds);
        _sender = new FrameSender(transport, Abort);
        _exchange = new PingExchange(_gate, _sender, _workers, _pings, _blockage);
        _reader = new TransportReader(transport, FlushAsync, Options.ReceiveBufferSize);

        // Readers run inline: a consumer that keeps up costs no change of thread. The loop itself is resumed on the pool, so
        // that a consumer which frees some room is not made to run it.
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

    /// <summary>The sizes in force.</summary>
    public SpdySessionOptions Options { get; }

    /// <summary>Completes when the session has ended and every stream knows it. Never faults: <see cref="Fault"/> says why.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Why the session ended; null while it lives, and after an end in good order.</summary>
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
    /// Whether new streams can be opened: the session lives, the peer sent no GOAWAY, and stream ids are left. Of a session that lives on with a worker given up
    /// by <see cref="TryReleaseStreamsBehind"/> it stays true, and still nothing is opened.
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

    /// <summary>The encoder of the header blocks; only for whoever composes a write.</summary>
    internal HeaderBlockEncoder HeaderEncoder { get; } = new();

    /// <summary>What was sent to the peer's workers, and what they have acknowledged.</summary>
    internal PeerWorkers Workers => _workers;

    /// <summary>How many bytes of a stream are sent before it is another one's turn.</summary>
    internal int MaxSentAtOnce => FramesAtOnce * Options.MaxDataFrameSize;

    /// <summary>How many PINGs somebody still waits for.</summary>
    internal int AwaitedPongs
    {
        get
        {
            lock (_gate)
            {
                return _pings.Awaited;
            }
        }
    }

    /// <summary>How many bytes have arrived so far. As long as it grows, the peer is alive.</summary>
    internal long BytesReceived => _reader.Received;

    /// <summary>Whether the session waits for the peer at this moment, and not for a consumer of its own that does not read.</summary>
    internal bool IsReading => _reader.IsWaiting;

    /// <summary>
    /// Whether data was sent that the peer may not have taken yet. If so, silence does not mean that the peer is dead: its workers,
    /// or its whole read loop, may wait for an application that does not read. Once a worker was lost that may be the end all the same: the PINGs
    /// that come to it, one of five, pile up until the peer reads no more.
    /// </summary>
    internal bool HasUnacknowledgedData => _blockage.HasUnacknowledgedData;

    /// <summary>Whether <see cref="TryReleaseStreamsBehind"/> has given up one of the peer's workers. Of the questions for a sign of life those that come to it fill its queue.</summary>
    internal bool HasBlockedWorker => _blockage.HasBlockedWorker;

    /// <summary>Whether one was given up, and this side has ended the session, which says nothing about the pod.</summary>
    internal bool EndedByBlockedWorker => _blockage.HasBlockedWorker && Fault is SpdyProtocolException or TimeoutException;

    /// <summary>
    /// Opens streams and sends first bytes on the last of them, all in one write to the transport. It does not wait for replies:
    /// a SYN_REPLY says nothing about the application, and waiting would cost a round trip.
    /// </summary>
    /// <param name="openings">What to open, in the order in which the streams get their ids; at least one.</param>
    /// <param name="firstData">Bytes for the last stream, at most <see cref="SpdySessionOptions.MaxDataFrameSize"/>.</param>
    /// <param name="cancellationToken">Ends the wait for a turn to write; then no stream was opened.</param>
    /// <returns>The streams in the order of <paramref name="openings"/>, or null when nothing was handed to the transport because
    /// the session can open no streams any more. If the transport fails meanwhile, the streams end with
    /// <see cref="StreamEndKind.SessionLost"/>.</returns>
    /// <exception cref="ArgumentException">There is nothing to open, or the headers or first bytes are too large; the session goes on.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled before it was this call's turn.</exception>
    public async ValueTask<SpdyStream[]?> OpenAsync(
        IReadOnlyList<StreamOpening> openings, ReadOnlyMemory<byte> firstData, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(openings.Count, nameof(openings));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstData.Length, Options.MaxDataFrameSize, nameof(firstData));

        var streams = new SpdyStream[openings.Count];
        int size = FrameHeader.Size + firstData.Length;
        for (int i = 0; i < streams.Length; i++)
        {
            streams[i] = new SpdyStream(this, _inputOptions, outputOpen: !openings[i].Finish);
            size += ControlFrames.MaxSynStreamSize(openings[i].Headers);
        }

        var batch = new OpeningBatch(this, openings, streams, firstData);
        try
        {
            await _sender.SendAsync(size, batch, static (batch, destination) => batch.Compose(destination), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (IsTransportFault(e))
        {
            // Already reported to Abort. The streams, if they were registered, end with the session.
        }

        return batch.IsRegistered ? streams : null;
    }

    /// <summary>Asks the peer for a sign of life.</summary>
    /// <param name="cancellationToken">Ends the wait for the reply.</param>
    /// <returns>True when the reply has come; false when the session ended first.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before the reply came.</exception>
    public Task<bool> PingAsync(CancellationToken cancellationToken = default) => _exchange.PingAsync(cancellationToken);

    /// <summary>
    /// Finds out whether the peer has taken everything that was sent so far. A data frame that the peer's application never reads
    /// blocks one of the peer's workers for good, and with it a fifth of the later streams, while the rest of the session lives on.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True when every worker has answered; false when the session ended first. It may take forever.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before.</exception>
    public Task<bool> RequestAcknowledgementAsync(CancellationToken cancellationToken = default) => _exchange.PingEveryWorkerAsync(cancellationToken);

    /// <summary>Whether a stream may have to wait for the peer to handle data of other streams.</summary>
    internal bool IsBehindOthers(SpdyStream stream) => _blockage.IsBehindOthers(stream.Id, stream.DataBefore);

    /// <summary>Finds out whether the peer has taken everything that was sent on one stream, whatever other streams hold up.</summary>
    /// <returns>False also when the worker that should take it was lost.</returns>
    internal Task<bool> RequestAcknowledgementAsync(SpdyStream stream, CancellationToken cancellationToken) => _blockage.IsBlocked(stream.Id)
        ? Task.FromResult(false)
        : _exchange.PingWorkerAsync(stream, finish: false, cancellationToken);

    /// <summary>
    /// Ends this side's half of a stream, and finds out whether the peer has taken everything that was sent on it. The question goes out in one write with the end, since each
    /// write costs every hop on the way as much as one with data. It comes before the end, on which no worker ever blocks.
    /// </summary>
    /// <returns>False also when the worker that should take it was lost.</returns>
    internal async Task<bool> FinishAndRequestAcknowledgementAsync(SpdyStream stream, CancellationToken cancellationToken)
    {
        if (_blockage.IsBlocked(stream.Id))
        {
            await stream.FinishAsync(CancellationToken.None).ConfigureAwait(false);
            return false;
        }

        bool isTaken = await _exchange.PingWorkerAsync(stream, finish: true, cancellationToken).ConfigureAwait(false);

        // Data that waited for its turn ahead of the end went out behind the question.
        return isTaken && (_workers.IsAcknowledged(stream.Id, stream.LastDataFrame) || await RequestAcknowledgementAsync(stream, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>
    /// Ends the streams that wait forever behind a stream which the peer has ended without acknowledging all of its data. They end with
    /// <see cref="StreamEndKind.SessionLost"/>, and so do those that were opened together with them. Other streams of the blocked worker may still receive, but not
    /// send, and the session opens no stream any more. Where the whole peer is blocked, the session ends.
    /// </summary>
    /// <returns>
    /// True when nothing is left to do. False while it is unclear what blocks the worker; then this must be called again after a while, with PINGs to all
    /// workers in between.
    /// </returns>
    /// <remarks><see cref="WorkerBlockage"/> decides.</remarks>
    internal bool TryReleaseStreamsBehind(SpdyStream stream)
    {
        IReadOnlyList<SpdyStream> behind = [];
        Ping[] unanswered = [];
        WorkerProbe probe;
        lock (_gate)
        {
            if (_ended)
            {
                return true;
            }

            probe = _blockage.Probe(stream.Id, stream.LastDataFrame, stream.LastProbe, IsReading);
            switch (probe.Result)
            {
                case ProbeResult.NotBlocked:
                    return true;

                case ProbeResult.Unclear:
                    stream.LastProbe = probe;
                    return false;

                case ProbeResult.WorkerBlocked:
                    behind = [.. _streams.FindAll(IsBehindBlocked).SelectMany(static behind => behind.Group).Distinct()];
                    unanswered = _pings.UnansweredBy(PeerWorkers.Of(stream.Id));
                    break;
            }
        }

        if (probe.Result == ProbeResult.PeerBlocked)
        {
            Abort(new SpdyProtocolException("the peer has stopped reading, with too many frames queued behind data that it never handles"));
            return true;
        }

        LogWorkerBlocked(stream.Id, behind.Count);
        EndBlocked(behind);
        foreach (Ping ping in unanswered)
        {
            ping.Complete(hasPong: false);
        }

        return true;
    }

    /// <summary>Ends the session: streams that are still open end with <see cref="StreamEndKind.SessionLost"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _ended = true;
        }

        await _transport.DisposeAsync().ConfigureAwait(false);
        WakeStreams();
        await _readLoop.ConfigureAwait(false);
    }

    /// <summary>
    /// Sends data frames of a stream, at least one and as many as the bytes need, with flags that go on each of them. False when the stream's half or the
    /// session has ended.
    /// </summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<bool> SendDataAsync(SpdyStream stream, ReadOnlyMemory<byte> data, FrameFlags flags, CancellationToken cancellationToken)
    {
        if (EndIfBlocked(stream))
        {
            return false;
        }

        var frames = new DataFrames(this, stream, data, flags);
        int sent;
        try
        {
            sent = await _sender.SendAsync(frames.Size, frames, static (frames, destination) => frames.Compose(destination), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (IsTransportFault(e))
        {
            return false;
        }

        if (stream.IsOver)
        {
            Forget(stream);
        }

        // Once more, as the worker may have been lost without regard to these frames.
        return !EndIfBlocked(stream) && sent > 0;
    }

    /// <summary>Removes a stream from the session; later frames for it are ignored. False if it was not known any more.</summary>
    internal bool Forget(SpdyStream stream)
    {
        lock (_gate)
        {
            return _streams.Remove(stream);
        }
    }

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
            // In the order of the wire, since a later PING tells of it.
            _workers.Send(streamId, frames: 1, isData: false);
            hadRoom = _sender.Enqueue(frame);
        }

        _sender.FlushOrFault(hadRoom);
    }

    private static bool IsTransportFault(Exception e) => e is IOException or ObjectDisposedException;

    /// <summary>Makes new streams part of the session and gives them their ids. False if it opens none any more. Called by whoever composes their frames.</summary>
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

    /// <summary>Called with the gate held.</summary>
    private bool CanOpenNow(int count) => !_ended && !_draining && _streams.HasIdsFor(count);

    private bool IsBehindBlocked(SpdyStream stream) => _blockage.IsBehindBlocked(stream.Id, stream.LastFrame);

    /// <summary>Ends a stream, and those that were opened together with it, if its worker is blocked. Returns whether it is.</summary>
    private bool EndIfBlocked(SpdyStream stream)
    {
        bool isBlocked = _blockage.IsBlocked(stream.Id);
        if (isBlocked)
        {
            EndBlocked(stream.Group);
        }

        return isBlocked;
    }

    private static void EndBlocked(IReadOnlyList<SpdyStream> streams)
    {
        foreach (SpdyStream stream in streams)
        {
            stream.EndLocally(StreamEndKind.SessionLost, ResetStatus.Cancel);
        }
    }

    /// <summary>Ends the session because of a fault; the first one counts.</summary>
    internal void Abort(Exception fault)
    {
        lock (_gate)
        {
            if (_ended)
            {
                return;
            }

            _ended = true;
            _fault = fault;
        }

        LogAborted(fault.Message);
        _transport.Dispose();
        WakeStreams();
    }

    /// <summary>Tells every stream that the session is over, which also wakes a read loop that waits for one of their consumers.</summary>
    private void WakeStreams()
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

    private async Task ReadLoopAsync()
    {
        TransportReader reader = _reader;
        try
        {
            while (await reader.FillAsync(FrameHeader.Size).ConfigureAwait(false))
            {
                var header = FrameHeader.Read(reader.Take(FrameHeader.Size).Span);
                if (header.IsControl)
                {
                    await ReadControlFrameAsync(reader, header).ConfigureAwait(false);
                }
                else
                {
                    await ReadDataFrameAsync(reader, header).ConfigureAwait(false);
                }
            }

            EndInGoodOrder();
        }
        catch (Exception e)
        {
            // Whatever it was, it is what ended the session: it stays readable in Fault.
            Abort(e);
        }
        finally
        {
            reader.Release();
            WakeStreams();
            _completion.TrySetResult();
        }
    }

    private void EndInGoodOrder()
    {
        lock (_gate)
        {
            _ended = true;
        }

        LogClosed();
        _transport.Dispose();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ReadDataFrameAsync(TransportReader reader, FrameHeader header)
    {
        SpdyStream? stream = Find(header.StreamId);
        int remaining = header.Length;
        while (remaining > 0)
        {
            ReadOnlyMemory<byte> part = await reader.TakeSomeAsync(remaining).ConfigureAwait(false);
            remaining -= part.Length;

            // A stream that this side has reset may still receive for a while: the bytes are skipped.
            if (stream is not null)
            {
                if (_unflushed != stream)
                {
                    await FlushAsync().ConfigureAwait(false);
                    _unflushed = stream;
                }

                // No more than one read: what a consumer has not been told of does not count against its stream's buffer yet.
                stream.Deliver(part);
                if (stream.Undelivered >= Options.ReceiveBufferSize)
                {
                    await FlushAsync().ConfigureAwait(false);
                }
            }
        }

        if (stream is not null && header.Flags.HasFlag(FrameFlags.Fin))
        {
            await FlushAsync().ConfigureAwait(false);
            EndStream(stream, new StreamEnd(StreamEndKind.Finished));
        }
    }

    /// <summary>
    /// Tells a consumer of the bytes that have come for it. Frames arrive in small pieces, and what is there already goes to the client in one send: per
    /// GB downloaded that saves half of the sends.
    /// </summary>
    private ValueTask FlushAsync()
    {
        SpdyStream? stream = _unflushed;
        _unflushed = null;
        return stream is null ? ValueTask.CompletedTask : stream.FlushAsync();
    }

    private async ValueTask ReadControlFrameAsync(TransportReader reader, FrameHeader header)
    {
        int headSize = Math.Min(header.Length, ControlHeadSize);
        await reader.FillInsideFrameAsync(headSize).ConfigureAwait(false);
        HandleControlFrame(header, reader.Take(headSize).Span);

        int remaining = header.Length - headSize;
        while (remaining > 0)
        {
            remaining -= (await reader.TakeSomeAsync(remaining).ConfigureAwait(false)).Length;
        }
    }

    /// <summary>Acts on a control frame, given the first bytes of its body (all of them for the types of fixed length).</summary>
    private void HandleControlFrame(FrameHeader header, ReadOnlySpan<byte> head)
    {
        ControlFrames.RequireLength(header);
        switch (header.Type)
        {
            case FrameType.SynReply:
            case FrameType.Headers:
                if (Find(ControlFrames.ReadStreamId(head)) is { } replied)
                {
                    replied.NoteReceived();
                    _workers.Acknowledge(replied.Id, replied.OpeningFrame);
                    if (header.Flags.HasFlag(FrameFlags.Fin))
                    {
                        EndStream(replied, new StreamEnd(StreamEndKind.Finished));
                    }
                }

                break;

            case FrameType.RstStream:
                (uint streamId, ResetStatus status) = ControlFrames.ReadRstStream(head);
                if (Find(streamId) is { } reset)
                {
                    EndStream(reset, new StreamEnd(StreamEndKind.ResetByPeer, status));
                }

                break;

            case FrameType.Ping:
                _exchange.OnPing(ControlFrames.ReadPing(head));
                break;

            case FrameType.GoAway:
                (uint lastGood, uint reason) = ControlFrames.ReadGoAway(head);
                LogGoAway(lastGood, reason);
                Drain(lastGood);
                break;

            case FrameType.SynStream:
                // Servers open no streams towards a client of port forwarding.
                SendReset(ControlFrames.ReadStreamId(head), ResetStatus.RefusedStream);
                break;

            case FrameType.Settings:
            case FrameType.WindowUpdate:
            default:
                // Neither side of port forwarding uses them; unknown types are to be ignored (2.2.1).
                break;
        }
    }

    /// <summary>After a GOAWAY no stream is opened any more, and those that the peer never looked at are over (2.6.6).</summary>
    private void Drain(uint lastGoodStreamId)
    {
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

    private SpdyStream? Find(uint streamId)
    {
        lock (_gate)
        {
            return _streams.Find(streamId);
        }
    }

    private void EndStream(SpdyStream stream, StreamEnd end)
    {
        stream.End(end);
        if (stream.IsOver)
        {
            Forget(stream);
        }
    }
}
