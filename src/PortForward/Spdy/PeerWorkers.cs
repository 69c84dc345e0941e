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
    private const int MaxUntaken = 52;

    private readonly Worker[] _workers = [new(), new(), new(), new(), new()];
    private long _asked;

    /// <summary>The worker that gets the next PING.</summary>
    public int Next => (int)(_asked % Count);

    /// <summary>How many PINGs were sent.</summary>
    public long Asked => _asked;

    /// <summary>Whether one was lost.</summary>
    public bool HasLost => _workers.Any(static worker => worker.IsLost);

    /// <summary>
    /// Whether a worker may still come to take data that it was sent. Once one that was lost is full, none will: the peer reads no more.
    /// </summary>
    public bool MayTakeData =>
        _workers.Any(static worker => !worker.IsLost && worker.HasUntakenData) && !_workers.Any(static worker => worker.IsLost && worker.IsFull);

    /// <summary>A number that grows as long as any of them is known to take anything.</summary>
    public long Taken => _workers.Sum(static worker => worker.Taken);

    /// <summary>
    /// Whether, if the peer takes nothing at all, the suspects are the reason: they hold all workers, or one of them is full, and no other one is that holds data.
    /// </summary>
    public bool IsBlockedBySuspects =>
        (Array.TrueForAll(_workers, static worker => worker.IsSuspect) || _workers.Any(static worker => worker.IsSuspect && worker.IsFull))
        && !_workers.Any(static worker => !worker.IsSuspect && worker.IsFull && worker.HasUntakenData);

    /// <summary>Whether the peer may have stopped reading until another worker than a stream's takes the data that it is full of.</summary>
    public bool MayWaitForAnother(uint streamId) => _workers.Where((_, worker) => worker != Of(streamId)).Any(static worker => worker.IsFull && worker.HasUntakenData);

    /// <summary>The worker of a stream.</summary>
    public static int Of(uint streamId) => (int)(streamId % Count);

    /// <summary>How many PINGs it takes until one gets to a worker: 1 to <see cref="Count"/>.</summary>
    public int PingsUntil(int worker) => ((worker - Next + Count) % Count) + 1;

    /// <summary>Frames of a stream are handed to the transport.</summary>
    /// <returns>The number of the last of them.</returns>
    public long Send(uint streamId, int frames, bool isData) => _workers[Of(streamId)].Send(frames, isData);

    /// <summary>The number of the last frame with data that was sent to a stream's worker; 0 if there was none.</summary>
    public long LastData(uint streamId) => _workers[Of(streamId)].LastData;

    /// <summary>Whether a stream's worker is known to have taken a frame.</summary>
    public bool HasTaken(uint streamId, long frame) => frame <= _workers[Of(streamId)].Taken;

    /// <summary>A stream's worker has answered a frame.</summary>
    public void Took(uint streamId, long frame) => _workers[Of(streamId)].Take(frame);

    /// <summary>A PING is sent, in the order of the wire; what its answer will mean.</summary>
    public Question Ask()
    {
        int worker = Next;
        return new Question(worker, _workers[worker].Send(frames: 1, isData: false), _asked++);
    }

    /// <summary>A PING was answered. An earlier one may be answered after a later one.</summary>
    public void Answered(Question question) => _workers[question.Worker].Answer(question);

    /// <summary>Whether another worker than a stream's has answered a PING that was sent after the first so many.</summary>
    public bool HasAnotherAnswered(uint streamId, long after) => _workers.Where((_, worker) => worker != Of(streamId)).Any(worker => worker.Answered > after);

    /// <summary>Notes whether a stream's worker may hold data of a stream that has ended, which it will never take.</summary>
    public void Suspect(uint streamId, bool isSuspect) => _workers[Of(streamId)].IsSuspect = isSuspect;

    /// <summary>A stream's worker will never take another frame.</summary>
    /// <remarks>What is read afterwards is at least as new: whoever has sent meanwhile either shows here, or sees there that it is lost.</remarks>
    public void Lose(uint streamId)
    {
        _workers[Of(streamId)].IsLost = true;
        Interlocked.MemoryBarrier();
    }

    /// <summary>Whether a stream's worker was lost.</summary>
    public bool IsLost(uint streamId) => _workers[Of(streamId)].IsLost;

    /// <summary>A PING on its way.</summary>
    /// <param name="Worker">To whom.</param>
    /// <param name="Frame">Its number among the frames of that worker.</param>
    /// <param name="Order">Its place among all PINGs, from 0.</param>
    internal readonly record struct Question(int Worker, long Frame, long Order);

    /// <summary>One worker; frames are handed over and answers read by different threads.</summary>
    private sealed class Worker
    {
        private long _sent;
        private long _taken;
        private long _lastData;
        private long _answered;
        private volatile bool _isLost;

        /// <summary>The last frame that it is known to have taken.</summary>
        public long Taken => Volatile.Read(ref _taken);

        /// <summary>The highest order of a PING that it has answered, and 1.</summary>
        public long Answered => Volatile.Read(ref _answered);

        /// <summary>The last frame with data.</summary>
        public long LastData => Volatile.Read(ref _lastData);

        public bool HasUntakenData => LastData > Taken;

        public bool IsFull => Volatile.Read(ref _sent) - Taken >= MaxUntaken;

        public bool IsLost
        {
            get => _isLost;
            set => _isLost = value;
        }

        /// <summary>Guarded by the session's gate.</summary>
        public bool IsSuspect { get; set; }

        public long Send(int frames, bool isData)
        {
            long last = Interlocked.Add(ref _sent, frames);
            if (isData)
            {
                Volatile.Write(ref _lastData, last);
            }

            return last;
        }

        public void Take(long frame) => Raise(ref _taken, frame);

        public void Answer(Question question)
        {
            Take(question.Frame);
            Raise(ref _answered, question.Order + 1);
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
