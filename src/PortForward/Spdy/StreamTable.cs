namespace PortForward.Spdy;

/// <summary>The open streams of a session, and the ids of the next ones. Guarded by the session's lock.</summary>
/// <param name="workers">The peer's workers, each of which gets the streams whose ids are its own.</param>
/// <param name="alignsIds">See <see cref="SpdySessionOptions.AlignsStreamIds"/>.</param>
internal sealed class StreamTable(PeerWorkers workers, bool alignsIds)
{
    private const uint MaxId = 0x7FFF_FFFF;

    /// <summary>How far ahead of the next id the one may be that belongs to the wanted worker.</summary>
    private const uint MaxSkipped = 2 * (PeerWorkers.Count - 1);

    private readonly Dictionary<uint, SpdyStream> _streams = [];
    private uint _nextId = 1;

    /// <summary>Whether there are ids left for so many streams.</summary>
    /// <remarks>Called for every connection. Only when the last ids are near does it look for the exact ones.</remarks>
    public bool HasIdsFor(int count) => LastId(_nextId + MaxSkipped, count) <= MaxId || LastId(FirstId(count), count) <= MaxId;

    /// <summary>Gives new streams their ids, for which there must be room, and notes the frames that open them.</summary>
    public void Add(SpdyStream[] streams)
    {
        _nextId = FirstId(streams.Length);
        foreach (SpdyStream stream in streams)
        {
            long dataBefore = workers.LastData(_nextId);
            stream.Assign(_nextId, streams, workers.Send(_nextId, frames: 1, isData: false), dataBefore);
            _nextId += 2;
            _streams.Add(stream.Id, stream);
        }
    }

    /// <summary>The stream of an id; null if it is not open.</summary>
    public SpdyStream? Find(uint id) => _streams.GetValueOrDefault(id);

    /// <summary>Removes a stream. False if it was not there.</summary>
    public bool Remove(SpdyStream stream) => _streams.Remove(stream.Id);

    /// <summary>The streams for which a condition holds.</summary>
    public List<SpdyStream> FindAll(Predicate<SpdyStream> condition)
    {
        List<SpdyStream> matching = [];
        foreach (SpdyStream stream in _streams.Values)
        {
            if (condition(stream))
            {
                matching.Add(stream);
            }
        }

        return matching;
    }

    /// <summary>Removes all streams and returns them.</summary>
    public SpdyStream[] Clear()
    {
        SpdyStream[] streams = [.. _streams.Values];
        _streams.Clear();
        return streams;
    }

    private static long LastId(long first, int count) => first + (2L * (count - 1));

    private uint FirstId(int count)
    {
        uint first = _nextId;
        if (alignsIds)
        {
            int worker = LeastBusyWorker();
            while (PeerWorkers.Of(first + (2 * ((uint)count - 1))) != worker)
            {
                first += 2;
            }
        }

        return first;
    }

    /// <summary>
    /// The worker with the fewest streams that may still send: data that a refused port never reads blocks its worker for good, and with it all other streams
    /// of that worker. Among equals the one that gets the next PING.
    /// </summary>
    private int LeastBusyWorker()
    {
        Span<int> sending = stackalloc int[PeerWorkers.Count];
        foreach (SpdyStream stream in _streams.Values)
        {
            sending[PeerWorkers.Of(stream.Id)] += stream.CanSend ? 1 : 0;
        }

        int best = workers.NextToPing;
        for (int i = 1; i < PeerWorkers.Count; i++)
        {
            int worker = (workers.NextToPing + i) % PeerWorkers.Count;
            best = sending[worker] < sending[best] ? worker : best;
        }

        return best;
    }
}
