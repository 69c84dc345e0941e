using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace PortForward.Spdy;

/// <summary>
/// One stream of a <see cref="SpdySession"/>: bytes from the peer come out of <see cref="Input"/>, bytes to the peer go into <see cref="WriteAsync"/>. Each
/// half ends on its own.
/// </summary>
internal sealed class SpdyStream
{
    /// <summary>How many bytes that nobody reads the peer may send before the stream is reset. They delay the other streams of the session.</summary>
    private const int MaxDiscarded = 64 * 1024;

    private const int InputIdle = 0;
    private const int InputDelivering = 1;
    private const int InputClosed = 2;

    private readonly SpdySession _session;
    private readonly Pipe _input;
    private readonly TaskCompletionSource<StreamEnd> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _inputState;
    private long _discarded;
    private volatile bool _outputOpen;
    private volatile bool _hasReceived;

    internal SpdyStream(SpdySession session, PipeOptions inputOptions, bool outputOpen)
    {
        _session = session;
        _input = new Pipe(inputOptions);
        _outputOpen = outputOpen;
    }

    /// <summary>The stream id: odd, and larger than that of every earlier stream of the session.</summary>
    public uint Id { get; private set; }

    /// <summary>
    /// The bytes that the peer sends. However the peer's half ends, the reader gets all bytes that came before and completes without an exception;
    /// <see cref="Completion"/> says how it ended. A reader that does not read stalls the session once the stream's buffer is full. After a reader has
    /// completed, later bytes are discarded.
    /// </summary>
    /// <remarks>The reader's continuations run on the session's read loop and must not block.</remarks>
    public PipeReader Input => _input.Reader;

    /// <summary>Completes when the peer's half has ended, with the way it ended. Never faults.</summary>
    public Task<StreamEnd> Completion => _completion.Task;

    /// <summary>Sends bytes to the peer, and waits until the transport has accepted them: backpressure reaches the caller.</summary>
    /// <param name="data">The bytes, split into frames as needed. After two frames at most it is another stream's turn.</param>
    /// <param name="cancellationToken">Ends the wait for this stream's turn. A frame that is being written is written whole.</param>
    /// <returns>False when this half or the session has ended, so that nobody will receive the bytes.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled; part of the data may have been sent.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        while (data.Length > 0)
        {
            ReadOnlyMemory<byte> turn = data[..Math.Min(data.Length, _session.MaxSentAtOnce)];
            if (!await _session.SendDataAsync(this, turn, FrameFlags.None, cancellationToken).ConfigureAwait(false))
            {
                return false;
            }

            data = data[turn.Length..];
        }

        return _outputOpen;
    }

    /// <summary>Ends this side's half: sends FIN. Does nothing if it has ended already.</summary>
    /// <param name="cancellationToken">Ends the wait for this stream's turn.</param>
    /// <returns>False when this half or the session had ended before.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled; FIN was not sent.</exception>
    public ValueTask<bool> FinishAsync(CancellationToken cancellationToken = default) =>
        _session.SendDataAsync(this, ReadOnlyMemory<byte>.Empty, FrameFlags.Fin, cancellationToken);

    /// <summary>
    /// Ends both halves at once: sends RST_STREAM without waiting, and completes <see cref="Input"/>. Does nothing if the stream has ended already.
    /// </summary>
    /// <param name="status">The reason given to the peer.</param>
    public void Reset(ResetStatus status = ResetStatus.Cancel) => EndLocally(StreamEndKind.ResetLocally, status);

    /// <summary>Ends both halves, and sends RST_STREAM unless the peer knows already.</summary>
    internal void EndLocally(StreamEndKind kind, ResetStatus status)
    {
        // This comes first: once the stream has ended here, the read loop forgets it at the peer's FIN, and nobody would send RST_STREAM.
        bool isHalfOpen = _session.Forget(this) && !IsOver;
        End(new StreamEnd(kind, status));
        if (isHalfOpen)
        {
            _session.SendReset(Id, status);
        }
    }

    /// <summary>Whether anything has come from the peer on the stream, if only its SYN_REPLY.</summary>
    internal bool HasReceived => _hasReceived;

    /// <summary>Notes that something has come.</summary>
    internal void NoteReceived() => _hasReceived = true;

    /// <summary>Whether this side may still send data.</summary>
    internal bool CanSend => _outputOpen;

    /// <summary>The last frame with data that its worker was sent before the stream was opened; 0 if there was none.</summary>
    internal long DataBefore { get; private set; }

    /// <summary>The frame that opened the stream, as <see cref="PeerWorkers"/> numbers them.</summary>
    internal long OpeningFrame { get; private set; }

    /// <summary>The last frame that was handed to the transport.</summary>
    internal long LastFrame { get; private set; }

    /// <summary>The last frame with data that was handed to the transport; 0 if there was none.</summary>
    internal long LastDataFrame { get; private set; }

    /// <summary>The last probe of the stream's worker; null if there was none. For <see cref="BlockedStreams"/> only.</summary>
    internal WorkerProbe? LastProbe { get; set; }

    /// <summary>The streams that were opened together, with this one among them. None is of use without the others.</summary>
    internal IReadOnlyList<SpdyStream> Group { get; private set; } = [];

    /// <summary>Gives the stream its id, once its place on the wire is known.</summary>
    /// <param name="id">The stream id.</param>
    /// <param name="group">The streams that are opened together, with this one among them.</param>
    /// <param name="frame">The frame that opens it.</param>
    /// <param name="dataBefore">The last frame with data that its worker was sent before.</param>
    internal void Assign(uint id, IReadOnlyList<SpdyStream> group, long frame, long dataBefore)
    {
        Id = id;
        DataBefore = dataBefore;
        Group = group;
        OpeningFrame = LastFrame = frame;
    }

    /// <summary>Notes the last frame that is handed to the transport.</summary>
    internal void NoteSent(long frame, bool isData)
    {
        LastFrame = frame;
        LastDataFrame = isData ? frame : LastDataFrame;
    }

    /// <summary>Whether a data frame may still be sent. Called when it is this stream's turn; a frame with FIN is the last one.</summary>
    internal bool TryBeginSend(FrameFlags flags)
    {
        if (!_outputOpen)
        {
            return false;
        }

        // It is only ever set to false: the read loop may do so at the same moment, which must not be undone.
        if (flags.HasFlag(FrameFlags.Fin))
        {
            _outputOpen = false;
        }

        return true;
    }

    /// <summary>Whether both halves have ended, so that the session may forget the stream.</summary>
    internal bool IsOver => !_outputOpen && _completion.Task.IsCompleted;

    /// <summary>How many bytes the reader does not know of yet.</summary>
    internal int Undelivered { get; private set; }

    /// <summary>Buffers bytes for the reader, which learns of them by <see cref="FlushAsync"/>. Only the session's read loop calls the two.</summary>
    internal void Deliver(ReadOnlyMemory<byte> data)
    {
        if (!TryBeginDelivery())
        {
            return; // Reset while the bytes were on their way.
        }

        NoteReceived();
        _input.Writer.Write(data.Span);
        Undelivered += data.Length;
        if (!TryEndDelivery())
        {
            _input.Writer.Complete();
        }
    }

    /// <summary>Hands the buffered bytes to the reader. Waits while the buffer is full.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    internal async ValueTask FlushAsync()
    {
        int length = Undelivered;
        Undelivered = 0;
        if (!TryBeginDelivery())
        {
            return;
        }

        if ((await _input.Writer.FlushAsync(CancellationToken.None).ConfigureAwait(false)).IsCompleted)
        {
            Discard(length);
        }

        if (!TryEndDelivery())
        {
            await _input.Writer.CompleteAsync().ConfigureAwait(false);
        }
    }

    private bool TryBeginDelivery() => Interlocked.CompareExchange(ref _inputState, InputDelivering, InputIdle) == InputIdle;

    /// <summary>False if the stream has ended meanwhile, so that the deliverer must complete the pipe.</summary>
    private bool TryEndDelivery() => Interlocked.CompareExchange(ref _inputState, InputIdle, InputDelivering) == InputDelivering;

    /// <summary>Counts bytes that nobody reads. A peer that has little left to send may send it; one that goes on is told to stop.</summary>
    private void Discard(int length)
    {
        _discarded += length;
        if (_discarded > MaxDiscarded)
        {
            Reset();
        }
    }

    /// <summary>Ends the peer's half with FIN, or both halves with anything else.</summary>
    internal void End(StreamEnd end)
    {
        if (end.Kind is StreamEndKind.Finished or StreamEndKind.ResetByPeer)
        {
            NoteReceived();
        }

        if (end.Kind != StreamEndKind.Finished)
        {
            _outputOpen = false;
        }

        _completion.TrySetResult(end);

        // A delivery under way owns the pipe's writer: it is interrupted and completes the pipe itself.
        switch (Interlocked.Exchange(ref _inputState, InputClosed))
        {
            case InputIdle:
                _input.Writer.Complete();
                break;
            case InputDelivering:
                _input.Writer.CancelPendingFlush();
                break;
        }
    }
}
