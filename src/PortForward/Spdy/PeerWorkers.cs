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

    private readonly long[] _sent = new long[Count];
    private readonly long[] _taken = new long[Count];
    private int _next;

    /// <summary>The worker that gets the next PING.</summary>
    public int Next => _next;

    /// <summary>Whether a worker may not have taken yet what it was sent.</summary>
    public bool HasUntaken
    {
        get
        {
            for (int worker = 0; worker < Count; worker++)
            {
                if (Interlocked.Read(ref _sent[worker]) != Interlocked.Read(ref _taken[worker]))
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>The worker of a stream.</summary>
    public static int Of(uint streamId) => (int)(streamId % Count);

    /// <summary>How many PINGs it takes until one gets to a worker: 1 to <see cref="Count"/>.</summary>
    public int PingsUntil(int worker) => ((worker - _next + Count) % Count) + 1;

    /// <summary>A data frame is handed to the transport.</summary>
    public void Sent(uint streamId) => Interlocked.Increment(ref _sent[Of(streamId)]);

    /// <summary>A PING is sent, in the order of the wire; what its answer will mean.</summary>
    public Question Ask()
    {
        int worker = _next;
        _next = (_next + 1) % Count;
        return new Question(worker, Interlocked.Read(ref _sent[worker]));
    }

    /// <summary>A PING was answered. An earlier one may be answered after a later one.</summary>
    public void Answered(Question question)
    {
        ref long taken = ref _taken[question.Worker];
        for (long known = Interlocked.Read(ref taken); known < question.Sent;)
        {
            long seen = Interlocked.CompareExchange(ref taken, question.Sent, known);
            known = seen == known ? question.Sent : seen;
        }
    }

    /// <summary>A PING on its way: to whom, and behind how many data frames.</summary>
    internal readonly record struct Question(int Worker, long Sent);
}
