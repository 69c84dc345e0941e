namespace PortForward.Spdy;

/// <summary>The PINGs of this side that have no pong yet. Guarded by the session's lock.</summary>
internal sealed class Pings
{
    /// <summary>
    /// How many withdrawn PINGs are remembered: a late pong still acknowledges frames, but those of a session that stalls for days must not pile up.
    /// </summary>
    public const int MaxWithdrawn = 64;

    private readonly Dictionary<uint, Ping> _unanswered = [];
    private readonly Queue<uint> _withdrawn = new();
    private uint _nextId = 1;

    /// <summary>Whether the session has ended, so that no pong comes any more.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>How many pongs somebody waits for.</summary>
    public int Awaited => _unanswered.Values.Count(static ping => !ping.IsWithdrawn);

    /// <summary>Adds a PING and gives it the next odd id, as this side is the client.</summary>
    public Ping Add(PeerWorkers.SentPing sent)
    {
        var ping = new Ping(_nextId, sent);
        _unanswered[_nextId] = ping;
        _nextId = unchecked(_nextId + 2);
        return ping;
    }

    /// <summary>Takes the PING that a pong answers. Null if there is none, or if it has been forgotten.</summary>
    public Ping? TakeAnswered(uint id)
    {
        _unanswered.Remove(id, out Ping? ping);
        return ping;
    }

    /// <summary>Notes that nobody waits for a pong any more.</summary>
    public void Withdraw(Ping ping)
    {
        if (!_unanswered.ContainsKey(ping.Id))
        {
            return;
        }

        ping.IsWithdrawn = true;
        _withdrawn.Enqueue(ping.Id);
        if (_withdrawn.Count > MaxWithdrawn)
        {
            _unanswered.Remove(_withdrawn.Dequeue());
        }
    }

    /// <summary>Whether a worker has not answered one of the first so many PINGs of the session.</summary>
    public bool IsPongDue(int worker, long before) => _unanswered.Values.Any(ping => ping.Sent.Worker == worker && ping.Sent.Order < before);

    /// <summary>The PINGs that a worker has not answered.</summary>
    public Ping[] UnansweredBy(int worker) => [.. _unanswered.Values.Where(ping => ping.Sent.Worker == worker)];

    /// <summary>Accepts no further PING: the session has ended.</summary>
    public void Refuse() => IsClosed = true;

    /// <summary>Removes all PINGs and returns them. None may be added any more.</summary>
    public Ping[] Close()
    {
        Refuse();
        Ping[] unanswered = [.. _unanswered.Values];
        _unanswered.Clear();
        return unanswered;
    }
}
