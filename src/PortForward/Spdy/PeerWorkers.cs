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

    private readonly Worker[] _workers = new Worker[Count];
    private long _asked;

    /// <summary>The worker that gets the next PING.</summary>
    public int Next => (int)(_asked % Count);

    /// <summary>Whether one was lost.</summary>
    public bool HasLost
    {
        get
        {
            for (int worker = 0; worker < Count; worker++)
            {
                if (Volatile.Read(ref _workers[worker].IsLost))
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>
    /// Whether a worker may still come to take data that it was sent. Once one that was lost is full, none will: the peer reads no more.
    /// </summary>
    public bool MayTakeData
    {
        get
        {
            bool mayTake = false;
            for (int worker = 0; worker < Count; worker++)
            {
                if (!Volatile.Read(ref _workers[worker].IsLost))
                {
                    mayTake |= HasUntakenData(worker);
                }
                else if (IsFull(worker))
                {
                    return false;
                }
            }

            return mayTake;
        }
    }

    /// <summary>How many PINGs were sent.</summary>
    public long Asked => _asked;

    /// <summary>A number that grows as long as any of them is known to take anything.</summary>
    public long Taken
    {
        get
        {
            long taken = 0;
            for (int worker = 0; worker < Count; worker++)
            {
                taken += Volatile.Read(ref _workers[worker].Taken);
            }

            return taken;
        }
    }

    /// <summary>The worker of a stream.</summary>
    public static int Of(uint streamId) => (int)(streamId % Count);

    /// <summary>How many PINGs it takes until one gets to a worker: 1 to <see cref="Count"/>.</summary>
    public int PingsUntil(int worker) => ((worker - Next + Count) % Count) + 1;

    /// <summary>Frames of a stream are handed to the transport.</summary>
    /// <returns>The number of the last of them.</returns>
    public long Send(uint streamId, int frames, bool isData)
    {
        ref Worker worker = ref _workers[Of(streamId)];
        long last = Interlocked.Add(ref worker.Sent, frames);
        if (isData)
        {
            Volatile.Write(ref worker.LastData, last);
        }

        return last;
    }

    /// <summary>Whether a stream's worker is known to have taken a frame.</summary>
    public bool HasTaken(uint streamId, long frame) => frame <= Volatile.Read(ref _workers[Of(streamId)].Taken);

    /// <summary>A stream's worker has answered a frame.</summary>
    public void Took(uint streamId, long frame) => Took(Of(streamId), frame);

    /// <summary>A PING is sent, in the order of the wire; what its answer will mean.</summary>
    public Question Ask()
    {
        int worker = Next;
        return new Question(worker, Interlocked.Increment(ref _workers[worker].Sent), _asked++);
    }

    /// <summary>A PING was answered. An earlier one may be answered after a later one.</summary>
    public void Answered(Question question)
    {
        Took(question.Worker, question.Frame);
        Raise(ref _workers[question.Worker].Answered, question.Order + 1);
    }

    /// <summary>Whether another worker than a stream's has answered a PING that was sent after the first so many.</summary>
    public bool HasAnotherAnswered(uint streamId, long after)
    {
        for (int worker = 0; worker < Count; worker++)
        {
            if (worker != Of(streamId) && Volatile.Read(ref _workers[worker].Answered) > after)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Notes whether a stream's worker may hold data of a stream that has ended, which it will never take.</summary>
    public void Suspect(uint streamId, bool isSuspect) => _workers[Of(streamId)].IsSuspect = isSuspect;

    /// <summary>
    /// Whether, if the peer takes nothing at all, the suspects are the reason: they hold all workers, or one of them is full, and no other one is that holds data.
    /// </summary>
    public bool IsBlockedBySuspects()
    {
        bool areAll = true, isOneFull = false;
        for (int worker = 0; worker < Count; worker++)
        {
            bool isSuspect = _workers[worker].IsSuspect;
            if (!isSuspect && HasUntakenData(worker) && IsFull(worker))
            {
                return false;
            }

            areAll &= isSuspect;
            isOneFull |= isSuspect && IsFull(worker);
        }

        return areAll || isOneFull;
    }

    /// <summary>A stream's worker will never take another frame.</summary>
    /// <remarks>What is read afterwards is at least as new: whoever has sent meanwhile either shows here, or sees there that it is lost.</remarks>
    public void Lose(uint streamId)
    {
        Volatile.Write(ref _workers[Of(streamId)].IsLost, true);
        Interlocked.MemoryBarrier();
    }

    /// <summary>Whether a stream's worker was lost.</summary>
    public bool IsLost(uint streamId) => Volatile.Read(ref _workers[Of(streamId)].IsLost);

    private bool HasUntakenData(int worker) => Volatile.Read(ref _workers[worker].LastData) > Volatile.Read(ref _workers[worker].Taken);

    private bool IsFull(int worker) => Volatile.Read(ref _workers[worker].Sent) - Volatile.Read(ref _workers[worker].Taken) >= MaxUntaken;

    private void Took(int worker, long frame) => Raise(ref _workers[worker].Taken, frame);

    private static void Raise(ref long value, long to)
    {
        for (long known = Volatile.Read(ref value); known < to;)
        {
            long seen = Interlocked.CompareExchange(ref value, to, known);
            known = seen == known ? to : seen;
        }
    }

    /// <summary>A PING on its way.</summary>
    /// <param name="Worker">To whom.</param>
    /// <param name="Frame">Its number among the frames of that worker.</param>
    /// <param name="Order">Its place among all PINGs, from 0.</param>
    internal readonly record struct Question(int Worker, long Frame, long Order);

    private struct Worker
    {
        public long Sent;
        public long Taken;
        public long LastData;

        /// <summary>The highest order of a PING that it has answered, and 1.</summary>
        public long Answered;
        public bool IsLost;

        /// <summary>Guarded by the session's gate.</summary>
        public bool IsSuspect;
    }
}
