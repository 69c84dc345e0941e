namespace PortForward.Spdy;

/// <summary>
/// What is known of the peer's workers. The runtimes read a session's frames in one loop and hand them to five workers (spdystream's FRAME_WORKERS): a
/// stream's frames to the worker of its id, PINGs to one after the other. Each works in order, so that the answer to a PING means that its worker has taken all
/// that came before. A worker whose stream's application does not read answers no more, and takes no frame of another stream either.
/// </summary>
/// <remarks>Frames are numbered for each worker, from 1. What is known to be taken is a lower bound: only answers tell.</remarks>
internal sealed class PeerWorkers
{
    /// <summary>How many there are.</summary>
    public const int Count = 5;

    /// <summary>
    /// With so many frames that a worker has not taken the peer reads no more, for any stream: spdystream lets 50 wait (QUEUE_SIZE) behind the one that is
    /// being handled, and holds one more in its hand.
    /// </summary>
    private const int MaxUnacknowledged = 52;

    private readonly Worker[] _workers = [new(), new(), new(), new(), new()];
    private long _pingsSent;

    /// <summary>The worker that gets the next PING.</summary>
    public int NextToPing => (int)(_pingsSent % Count);

    /// <summary>How many PINGs were sent.</summary>
    public long PingsSent => _pingsSent;

    /// <summary>Whether one was lost.</summary>
    public bool HasBlocked => _workers.Any(static worker => worker.IsBlocked);

    /// <summary>
    /// Whether a worker may still come to take data that it was sent. Once one that was lost is full, none will: the peer reads no more.
    /// </summary>
    public bool MayAcknowledgeData =>
        _workers.Any(static worker => !worker.IsBlocked && worker.HasUnacknowledgedData) && !_workers.Any(static worker => worker.IsBlocked && worker.IsFull);

    /// <summary>A number that grows as long as any of them is known to take anything.</summary>
    public long Acknowledged => _workers.Sum(static worker => worker.Acknowledged);

    /// <summary>
    /// Whether, if the peer takes nothing at all, the suspects are the reason: they hold all workers, or one of them is full, and no other one is that holds data.
    /// </summary>
    public bool IsSilenceExplained =>
        (Array.TrueForAll(_workers, static worker => worker.MayBeBlocked) || _workers.Any(static worker => worker.MayBeBlocked && worker.IsFull))
        && !_workers.Any(static worker => !worker.MayBeBlocked && worker.IsFull && worker.HasUnacknowledgedData);

    /// <summary>Whether the peer may have stopped reading until another worker than a stream's takes the data that it is full of.</summary>
    public bool MayWaitForAnother(uint streamId) => _workers.Where((_, worker) => worker != Of(streamId)).Any(static worker => worker.IsFull && worker.HasUnacknowledgedData);

    /// <summary>The worker of a stream.</summary>
    public static int Of(uint streamId) => (int)(streamId % Count);

    /// <summary>How many PINGs it takes until one gets to a worker: 1 to <see cref="Count"/>.</summary>
    public int PingsUntil(int worker) => ((worker - NextToPing + Count) % Count) + 1;

    /// <summary>Frames of a stream are handed to the transport.</summary>
    /// <returns>The number of the last of them.</returns>
    public long Send(uint streamId, int frames, bool isData) => _workers[Of(streamId)].Send(frames, isData);

    /// <summary>The number of the last frame with data that was sent to a stream's worker; 0 if there was none.</summary>
    public long LastData(uint streamId) => _workers[Of(streamId)].LastData;

    /// <summary>Whether a stream's worker is known to have taken a frame.</summary>
    public bool IsAcknowledged(uint streamId, long frame) => frame <= _workers[Of(streamId)].Acknowledged;

    /// <summary>A stream's worker has answered a frame.</summary>
    public void Acknowledge(uint streamId, long frame) => _workers[Of(streamId)].Acknowledge(frame);

    /// <summary>A PING is sent, in the order of the wire; what its answer will mean.</summary>
    public SentPing SendPing()
    {
        int worker = NextToPing;
        return new SentPing(worker, _workers[worker].Send(frames: 1, isData: false), _pingsSent++);
    }

    /// <summary>A PING was answered. An earlier one may be answered after a later one.</summary>
    public void Pong(SentPing ping) => _workers[ping.Worker].Pong(ping);

    /// <summary>Whether another worker than a stream's has answered a PING that was sent after the first so many.</summary>
    public bool HasOtherPonged(uint streamId, long after) => _workers.Where((_, worker) => worker != Of(streamId)).Any(worker => worker.LastPong > after);

    /// <summary>Notes whether a stream's worker may hold data of a stream that has ended, which it will never take.</summary>
    public void SetMayBeBlocked(uint streamId, bool mayBeBlocked) => _workers[Of(streamId)].MayBeBlocked = mayBeBlocked;

    /// <summary>A stream's worker will never take another frame.</summary>
    /// <remarks>What is read afterwards is at least as new: whoever has sent meanwhile either shows here, or sees there that it is lost.</remarks>
    public void Block(uint streamId)
    {
        _workers[Of(streamId)].IsBlocked = true;
        Interlocked.MemoryBarrier();
    }

    /// <summary>Whether a stream's worker was lost.</summary>
    public bool IsBlocked(uint streamId) => _workers[Of(streamId)].IsBlocked;

    /// <summary>A PING on its way.</summary>
    /// <param name="Worker">To whom.</param>
    /// <param name="Frame">Its number among the frames of that worker.</param>
    /// <param name="Order">Its place among all PINGs, from 0.</param>
    internal readonly record struct SentPing(int Worker, long Frame, long Order);

    /// <summary>One worker; frames are handed over and answers read by different threads.</summary>
    private sealed class Worker
    {
        private long _sent;
        private long _acknowledged;
        private long _lastData;
        private long _lastPong;
        private volatile bool _isBlocked;

        /// <summary>The last frame that it is known to have taken.</summary>
        public long Acknowledged => Volatile.Read(ref _acknowledged);

        /// <summary>The highest order of a PING that it has answered, and 1.</summary>
        public long LastPong => Volatile.Read(ref _lastPong);

        /// <summary>The last frame with data.</summary>
        public long LastData => Volatile.Read(ref _lastData);

        public bool HasUnacknowledgedData => LastData > Acknowledged;

        public bool IsFull => Volatile.Read(ref _sent) - Acknowledged >= MaxUnacknowledged;

        public bool IsBlocked
        {
            get => _isBlocked;
            set => _isBlocked = value;
        }

        /// <summary>Guarded by the session's gate.</summary>
        public bool MayBeBlocked { get; set; }

        public long Send(int frames, bool isData)
        {
            long last = Interlocked.Add(ref _sent, frames);
            if (isData)
            {
                Volatile.Write(ref _lastData, last);
            }

            return last;
        }

        public void Acknowledge(long frame) => Raise(ref _acknowledged, frame);

        public void Pong(SentPing ping)
        {
            Acknowledge(ping.Frame);
            Raise(ref _lastPong, ping.Order + 1);
        }

        private static void Raise(ref long value, long to)
        {
            for (long known = Volatile.Read(ref value); known < to;)
            {
                long seen = Interlocked.CompareExchange(ref value, to, known);
                known = seen == known ? to : seen;
            }
        }
    }
}
