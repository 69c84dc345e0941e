namespace PortForward.Spdy;

/// <summary>
/// Counts the frames that were sent to each of the peer's workers, and those that it has acknowledged. The runtimes read a session's frames in one loop and
/// hand them to five workers (spdystream's FRAME_WORKERS): a stream's frames to the worker of its id, PINGs to each worker in turn. A worker handles its frames
/// in order, so a pong acknowledges all that its worker got before. A worker that holds data which its application does not read handles nothing else.
/// </summary>
/// <remarks>
/// The frames of each worker are numbered from 1. Pongs and openings are all that tells what a worker has handled, so what is known is a lower bound. Frames
/// are counted and acknowledged without a lock; PINGs are counted with the session's lock held.
/// </remarks>
internal sealed class PeerWorkers
{
    /// <summary>How many workers there are.</summary>
    public const int Count = 5;

    /// <summary>
    /// How many unacknowledged frames of a worker stop the peer from reading, for all streams: spdystream queues 50 (QUEUE_SIZE) behind the one that is being
    /// handled, and its read loop holds one more.
    /// </summary>
    public const int MaxUnacknowledged = 52;

    private readonly Worker[] _workers = [new(), new(), new(), new(), new()];
    private long _pingsSent;

    /// <summary>The worker that gets the next PING.</summary>
    public int NextToPing => (int)(_pingsSent % Count);

    /// <summary>How many PINGs and pongs were sent.</summary>
    public long PingsSent => _pingsSent;

    /// <summary>How many frames were acknowledged, by all workers.</summary>
    public long Acknowledged => _workers.Sum(static worker => worker.Acknowledged);

    /// <summary>The worker of a stream.</summary>
    public static int Of(uint streamId) => (int)(streamId % Count);

    /// <summary>How many PINGs it takes to reach a worker: 1 to <see cref="Count"/>.</summary>
    public int PingsUntil(int worker) => ((worker - NextToPing + Count) % Count) + 1;

    /// <summary>Counts frames of a stream that are handed to the transport.</summary>
    /// <returns>The number of the last of them.</returns>
    public long Send(uint streamId, int frames, bool isData) => _workers[Of(streamId)].Send(frames, isData);

    /// <summary>Counts a PING or a pong, in the order of the wire.</summary>
    public SentPing SendPing()
    {
        int worker = NextToPing;
        return new SentPing(worker, _workers[worker].Send(frames: 1, isData: false), _pingsSent++);
    }

    /// <summary>A stream's worker has handled a frame, and so all before it.</summary>
    public void Acknowledge(uint streamId, long frame) => _workers[Of(streamId)].Acknowledge(frame);

    /// <summary>A pong has come; not necessarily in the order of the PINGs.</summary>
    public void OnPong(SentPing ping) => _workers[ping.Worker].OnPong(ping);

    /// <summary>Whether a stream's worker has acknowledged a frame.</summary>
    public bool IsAcknowledged(uint streamId, long frame) => frame <= _workers[Of(streamId)].Acknowledged;

    /// <summary>The number of the last frame with data that a stream's worker was sent; 0 if there was none.</summary>
    public long LastData(uint streamId) => _workers[Of(streamId)].LastData;

    /// <summary>Whether a worker was sent data that it has not acknowledged.</summary>
    public bool HasUnacknowledgedData(int worker) => _workers[worker].LastData > _workers[worker].Acknowledged;

    /// <summary>Whether the peer may have stopped reading because of a worker.</summary>
    public bool IsFull(int worker) => _workers[worker].Sent - _workers[worker].Acknowledged >= MaxUnacknowledged;

    /// <summary>Whether another worker has answered a PING that was sent after the first so many.</summary>
    public bool HasOtherPonged(int worker, long after)
    {
        for (int other = 0; other < Count; other++)
        {
            if (other != worker && _workers[other].LastPong > after)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A PING on its way.</summary>
    /// <param name="Worker">The worker that gets it.</param>
    /// <param name="Frame">Its number among the frames of that worker.</param>
    /// <param name="Order">Its place among all PINGs, from 0.</param>
    internal readonly record struct SentPing(int Worker, long Frame, long Order);

    /// <summary>The counts of one worker. Frames are sent and acknowledged by different threads.</summary>
    private sealed class Worker
    {
        private long _sent;
        private long _acknowledged;
        private long _lastData;
        private long _lastPong;

        /// <summary>The last frame that was sent.</summary>
        public long Sent => Volatile.Read(ref _sent);

        /// <summary>The last frame that is known to be handled.</summary>
        public long Acknowledged => Volatile.Read(ref _acknowledged);

        /// <summary>The last frame with data.</summary>
        public long LastData => Volatile.Read(ref _lastData);

        /// <summary>One more than the highest order of a PING that was answered; 0 if none was.</summary>
        public long LastPong => Volatile.Read(ref _lastPong);

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

        public void OnPong(SentPing ping)
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
