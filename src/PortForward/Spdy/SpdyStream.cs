using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace PortForward.Spdy;

/// <summary>
/// One stream of a <see cref="SpdySession"/>: bytes from the peer in <see cref="Input"/>, bytes to the peer by
/// <see cref="WriteAsync"/>. Each half ends on its own.
/// </summary>
public sealed class SpdyStream
{
    /// <summary>How many bytes the peer may send that nobody reads, before the stream is reset: they delay the other streams of the session.</summary>
    private const int MaxThrownAway = 64 * 1024;

    private const int InputIdle = 0;
    private const int InputDelivering = 1;
    private const int InputClosed = 2;

    private readonly SpdySession _session;
    private readonly Pipe _input;
    private readonly TaskCompletionSource<StreamEnd> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _inputState;
    private long _thrownAway;
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
    /// The bytes that the peer sends. It completes without an exception when the peer's half has ended in whatever way, after
    /// all bytes that came before; <see cref="Completion"/> says how. A reader that does not read holds up the session once the
    /// stream's buffer is full; one that is completed early has later bytes thrown away.
    /// </summary>
    /// <remarks>The reader's continuations run on the session's read loop and must not block.</remarks>
    public PipeReader Input => _input.Reader;

    /// <summary>Completes when the peer's half has ended, with the way it ended. Never faults.</summary>
    public Task<StreamEnd> Completion => _completion.Task;

    /// <summary>Sends bytes to the peer, and waits until the transport has taken them: backpressure reaches the caller.</summary>
    /// <param name="data">The bytes, split into frames as needed; frames of other streams go in between, at the latest after two.</param>
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
    /// Ends both halves at once: sends RST_STREAM, without waiting, and completes <see cref="Input"/>. Does nothing if the stream
    /// has ended already.
    /// </summary>
    /// <param name="status">The reason given to the peer.</param>
    public void Reset(ResetStatus status = ResetStatus.Cancel) => EndLocally(StreamEndKind.ResetLocally, status);

    /// <summary>Ends both halves, and tells the peer by RST_STREAM if it does not know.</summary>
    internal void EndLocally(StreamEndKind kind, ResetStatus status)
    {
        // First of all: once the stream has ended here, the read loop forgets it with the peer's FIN, and nobody would tell the peer.
        bool isHalfOpen = _session.Forget(this) && !IsOver;
        End(new StreamEnd(kind, status));
        if (isHalfOpen)
        {
            _session.SendReset(Id, status);
        }
    }

    /// <summary>Whether anything has come from the peer on the stream, be it only that it was opened.</summary>
    internal bool HasReceived => _hasReceived;

    /// <summary>Notes that something has come.</summary>
    internal void NoteReceived() => _hasReceived = true;

    /// <summary>Whether this side may still send data.</summary>
    internal bool CanSend => _outputOpen;

    /// <summary>Which of its worker's frames was the last with data before the stream was opened; 0 if there was none.</summary>
    internal long DataBefore { get; private set; }

    /// <summary>Which of its worker's frames opened the stream.</summary>
    internal long OpeningFrame { get; private set; }

    /// <summary>Which of its worker's frames was the stream's last so far.</summary>
    internal long LastFrame { get; private set; }

    /// <summary>Which of its worker's frames was the last with bytes; 0 as long as none was handed to the transport.</summary>
    internal long LastDataFrame { get; private set; }

    /// <summary>What the last look at the stream's worker has shown; null if there was none. The session's own.</summary>
    internal WorkerProbe? LastProbe { get; set; }

    /// <summary>The streams that were opened together with it, itself among them: none of them is of use without the others.</summary>
    internal IReadOnlyList<SpdyStream> Group { get; private set; } = [];

    /// <summary>Names the stream once its place in the order of the session is known.</summary>
    /// <param name="id">The stream id.</param>
    /// <param name="group">The streams that are opened together with it, itself among them.</param>
    /// <param name="frame">Which of its worker's frames opens it.</param>
    /// <param name="dataBefore">Which of its worker's frames was the last with data before.</param>
    internal void Assign(uint id, IReadOnlyList<SpdyStream> group, long frame, long dataBefore)
    {
        Id = id;
        DataBefore = dataBefore;
        Group = group;
        OpeningFrame = LastFrame = frame;
    }

    /// <summary>Notes which frame of its worker is the last that is handed to the transport.</summary>
    internal void NoteSent(long frame, bool isData)
    {
        LastFrame = frame;
        LastDataFrame = isData ? frame : LastDataFrame;
    }

    /// <summary>Whether a data frame may still be sent; asked when it is this stream's turn. A frame with FIN is the last one.</summary>
    internal bool TryBeginSend(FrameFlags flags)
    {
        if (!_outputOpen)
        {
            return false;
        }

        // Only ever closed here: the read loop may close it at the same moment, which must not be undone.
        if (flags.HasFlag(FrameFlags.Fin))
        {
            _outputOpen = false;
        }

        return true;
    }

    /// <summary>Whether both halves have ended, so that the session need not know the stream any more.</summary>
    internal bool IsOver => !_outputOpen && _completion.Task.IsCompleted;

    /// <summary>How many bytes the reader has not been told of yet.</summary>
    internal int Undelivered { get; private set; }

    /// <summary>Takes bytes for the reader, who is told of them by <see cref="FlushAsync"/>. Called by the session's read loop only, as that one is.</summary>
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

    /// <summary>Hands the bytes taken to the reader. Waits while the buffer is full.</summary>
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
            StopSender(length);
        }

        if (!TryEndDelivery())
        {
            await _input.Writer.CompleteAsync().ConfigureAwait(false);
        }
    }

    private bool TryBeginDelivery() => Interlocked.CompareExchange(ref _inputState, InputDelivering, InputIdle) == InputIdle;

    /// <summary>False if the stream has ended meanwhile, so that its end is the deliverer's to tell.</summary>
    private bool TryEndDelivery() => Interlocked.CompareExchange(ref _inputState, InputIdle, InputDelivering) == InputDelivering;

    /// <summary>Nobody reads any more: a peer that still has little to say may say it, one that goes on is told to stop.</summary>
    private void StopSender(int length)
    {
        _thrownAway += length;
        if (_thrownAway > MaxThrownAway)
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

        // The pipe's writer belongs to whoever delivers: a delivery under way is woken and completes it itself.
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
