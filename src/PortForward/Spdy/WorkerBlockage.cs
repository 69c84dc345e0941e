namespace PortForward.Spdy;

/// <summary>
/// Decides about head-of-line blocking. Data that an application never reads blocks its worker at the peer, and all frames of other streams behind it. When the
/// peer has ended the stream of that data, nothing frees the worker any more, and the streams behind it would wait forever.
/// </summary>
/// <remarks>
/// Only pongs and replies show what a worker has handled. So a worker that a live stream blocks looks the same, if that stream's application stopped reading,
/// or slowed down, shortly before or after the ended stream's last frame. Nothing is decided while live uploads have filled other workers too.
/// <para>Decisions are made with the session's lock held. What was decided may be read without it.</para>
/// </remarks>
/// <param name="workers">What was sent to the workers and acknowledged by them.</param>
/// <param name="pings">The PINGs without a pong.</param>
internal sealed class WorkerBlockage(PeerWorkers workers, Pings pings)
{
    /// <summary>After how many probes in a row without an acknowledgement the peer counts as blocked: with one probe each 5 s that is a minute.</summary>
    public const int PatientProbes = 12;

    private const int AllWorkers = (1 << PeerWorkers.Count) - 1;

    /// <summary>The workers that are blocked for good, one bit each.</summary>
    private volatile int _blocked;

    /// <summary>The workers that may hold data of a stream that has ended, one bit each.</summary>
    private int _maybeBlocked;

    /// <summary>Whether a worker is blocked. Of later PINGs those that come to it stay in its queue.</summary>
    public bool HasBlockedWorker => _blocked != 0;

    /// <summary>
    /// Whether data was sent that the peer may yet acknowledge. Then its silence does not mean that it is dead: its workers, or its whole read loop, may wait
    /// for an application that does not read. Not so once the queue of a blocked worker is full, as the peer then never reads again.
    /// </summary>
    public bool HasUnacknowledgedData
    {
        get
        {
            bool hasData = false;
            for (int worker = 0; worker < PeerWorkers.Count; worker++)
            {
                if (!Contains(_blocked, worker))
                {
                    hasData |= workers.HasUnacknowledgedData(worker);
                }
                else if (workers.IsFull(worker))
                {
                    return false;
                }
            }

            return hasData;
        }
    }

    /// <summary>Whether a stream's worker is blocked.</summary>
    public bool IsBlocked(uint streamId) => Contains(_blocked, PeerWorkers.Of(streamId));

    /// <summary>Whether a stream waits behind a blocked worker for the peer to handle a frame.</summary>
    public bool IsBehindBlocked(uint streamId, long frame) => IsBlocked(streamId) && !workers.IsAcknowledged(streamId, frame);

    /// <summary>
    /// Whether a stream may have to wait until the peer has handled data of other streams: that of its own worker which was sent before, or so much of
    /// another worker's that the peer has stopped reading.
    /// </summary>
    /// <param name="streamId">The stream.</param>
    /// <param name="dataBefore">The last frame with data that its worker was sent before the stream.</param>
    public bool IsBehindOthers(uint streamId, long dataBefore)
    {
        if (!workers.IsAcknowledged(streamId, dataBefore))
        {
            return true;
        }

        for (int worker = 0; worker < PeerWorkers.Count; worker++)
        {
            if (worker != PeerWorkers.Of(streamId) && workers.IsFull(worker) && workers.HasUnacknowledgedData(worker))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Finds out whether the worker of a stream that the peer has ended is blocked by that stream's data, as far as it can be told by now.</summary>
    /// <param name="streamId">The stream.</param>
    /// <param name="lastDataFrame">Its last frame with data.</param>
    /// <param name="last">The stream's last probe; null for the first one.</param>
    /// <param name="isReading">Whether this side reads, so that pongs would be noticed.</param>
    public WorkerProbe Probe(uint streamId, long lastDataFrame, WorkerProbe? last, bool isReading)
    {
        int worker = PeerWorkers.Of(streamId);
        long pingsBefore = last?.PingsBefore ?? workers.PingsSent;
        long acknowledged = workers.Acknowledged;
        if (workers.IsAcknowledged(streamId, lastDataFrame))
        {
            _maybeBlocked &= ~(1 << worker);
            return new WorkerProbe(ProbeResult.NotBlocked, pingsBefore, acknowledged, Silent: 0);
        }

        _maybeBlocked |= 1 << worker;
        if (workers.HasOtherPonged(worker, after: pingsBefore) && pings.IsPongDue(worker, before: pingsBefore))
        {
            SetBlocked(worker);
            return new WorkerProbe(ProbeResult.WorkerBlocked, pingsBefore, acknowledged, Silent: 0);
        }

        if (!isReading || !CanExplainSilence())
        {
            return new WorkerProbe(ProbeResult.Unclear, pingsBefore, acknowledged, Silent: 0);
        }

        int silent = last?.Acknowledged == acknowledged ? last.Silent + 1 : 1;
        if (silent < PatientProbes)
        {
            return new WorkerProbe(ProbeResult.Unclear, pingsBefore, acknowledged, silent);
        }

        SetBlocked(worker);
        return new WorkerProbe(ProbeResult.PeerBlocked, pingsBefore, acknowledged, silent);
    }

    private static bool Contains(int workers, int worker) => (workers & (1 << worker)) != 0;

    /// <summary>
    /// Whether, if the peer acknowledges nothing at all, streams that have ended are the only reason: they may hold all workers, or the queue of one is full,
    /// and no other worker is full that holds data.
    /// </summary>
    private bool CanExplainSilence()
    {
        bool isFull = false;
        for (int worker = 0; worker < PeerWorkers.Count; worker++)
        {
            if (Contains(_maybeBlocked, worker))
            {
                isFull |= workers.IsFull(worker);
            }
            else if (workers.IsFull(worker) && workers.HasUnacknowledgedData(worker))
            {
                return false;
            }
        }

        return isFull || _maybeBlocked == AllWorkers;
    }

    /// <summary>
    /// Notes that a worker is blocked, with a full fence: a stream that has just sent is either found behind the worker or itself finds it blocked.
    /// </summary>
    private void SetBlocked(int worker) => Interlocked.Or(ref _blocked, 1 << worker);
}
