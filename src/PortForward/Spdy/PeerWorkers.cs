namespace PortForward.Spdy;

/// <summary>
/// What is known of the peer's workers. The runtimes read a session's frames in one loop and hand them to five workers (spdystream's FRAME_WORKERS): a
/// stream's frames to the worker of its id, PINGs to one after the other. Each works in order, so that the answer to a PING means that its worker has taken all
/// that came before. A worker whose stream's application does not read answers no more, and takes no frame of another stream either.
/// </summary>
internal sealed class PeerWorkers
{
    /// <summary>How many there are.</summary>
    public const int Count = 5;

    /// <summary>How many frames may wait for one of them (spdystream's QUEUE_SIZE). With one more the peer reads on for none of them.</summary>
    public const int QueueLength = 50;

    private readonly Worker[] _workers = new Worker[Count];
    private int _next;

    /// <summary>The worker that gets the next PING.</summary>
    public int Next => _next;

    /// <summary>Whether a worker may not have taken yet what it was sent.</summary>
    public bool HasUntaken => Any(static (ref readonly Worker worker) => Volatile.Read(in worker.Sent) != Volatile.Read(in worker.Taken));

    /// <summary>Whether a worker was lost, so that later streams may end up with it.</summary>
    public bool HasLost => Any(static (ref readonly Worker worker) => Volatile.Read(in worker.IsLost));

    /// <summary>Whether so much waits for a worker that was lost that the peer reads on no more, for whatever stream.</summary>
    public bool IsBlocked => Any(static (ref readonly Worker worker) =>
        Volatile.Read(in worker.IsLost) && Volatile.Read(in worker.Frames) - Volatile.Read(in worker.FramesTaken) > QueueLength);

    /// <summary>The worker of a stream.</summary>
    public static int Of(uint streamId) => (int)(streamId % Count);

    /// <summary>How many PINGs it takes until one gets to a worker: 1 to <see cref="Count"/>.</summary>
    public int PingsUntil(int worker) => ((worker - _next + Count) % Count) + 1;

    /// <summary>Data frames of a stream are handed to the transport.</summary>
    /// <returns>The number of the last of them, for <see cref="HasTaken"/>.</returns>
    public long Sent(uint streamId, int frames)
    {
        SentOther(streamId, frames);
        return Interlocked.Add(ref _workers[Of(streamId)].Sent, frames);
    }

    /// <summary>Frames of a stream that are no data are handed to the transport.</summary>
    public void SentOther(uint streamId, int frames = 1) => Interlocked.Add(ref _workers[Of(streamId)].Frames, frames);

    /// <summary>Whether a stream's worker is known to have taken the data frame of a number. 0 stands for none.</summary>
    public bool HasTaken(uint streamId, long number) => number <= Volatile.Read(ref _workers[Of(streamId)].Taken);

    /// <summary>A stream's worker will never take another frame.</summary>
    /// <remarks>What is read afterwards is at least as new: whoever has sent meanwhile either shows here, or sees there that it is lost.</remarks>
    public void Lose(uint streamId)
    {
        Volatile.Write(ref _workers[Of(streamId)].IsLost, true);
        Interlocked.MemoryBarrier();
    }

    /// <summary>Whether a stream's worker was lost.</summary>
    public bool IsLost(uint streamId) => Volatile.Read(ref _workers[Of(streamId)].IsLost);

    /// <summary>A PING is sent, in the order of the wire; what its answer will mean.</summary>
    public Question Ask()
    {
        int worker = _next;
        _next = (_next + 1) % Count;
        return new Question(worker, Volatile.Read(ref _workers[worker].Sent), Interlocked.Increment(ref _workers[worker].Frames));
    }

    /// <summary>A PING was answered. An earlier one may be answered after a later one.</summary>
    public void Answered(Question question)
    {
        Raise(ref _workers[question.Worker].Taken, question.Sent);
        Raise(ref _workers[question.Worker].FramesTaken, question.Frames);
    }

    private static void Raise(ref long value, long to)
    {
        for (long known = Volatile.Read(ref value); known < to;)
        {
            long seen = Interlocked.CompareExchange(ref value, to, known);
            known = seen == known ? to : seen;
        }
    }

    private bool Any(Condition condition)
    {
        foreach (ref readonly Worker worker in _workers.AsSpan())
        {
            if (condition(in worker))
            {
                return true;
            }
        }

        return false;
    }

    private delegate bool Condition(ref readonly Worker worker);

    /// <summary>A PING on its way: to whom, and behind how many data frames and frames of any kind, itself among them.</summary>
    internal readonly record struct Question(int Worker, long Sent, long Frames);

    private struct Worker
    {
        public long Sent;
        public long Taken;
        public long Frames;
        public long FramesTaken;
        public bool IsLost;
    }
}
