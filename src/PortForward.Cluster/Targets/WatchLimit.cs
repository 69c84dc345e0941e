namespace PortForward.Cluster.Targets;

/// <summary>How many watches there are, each of which takes a connection for as long as it lasts.</summary>
/// <param name="most">How many there may be.</param>
internal sealed class WatchLimit(int most)
{
    private readonly Lock _gate = new();
    private int _count;

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _count;
            }
        }
    }

    /// <summary>Whether there may be another one.</summary>
    public bool IsFree => Count < most;

    /// <summary>Counts another one, to be given back; false if there are enough.</summary>
    public bool TryTake()
    {
        lock (_gate)
        {
            bool isFree = _count < most;
            _count += isFree ? 1 : 0;
            return isFree;
        }
    }

    /// <summary>One has ended.</summary>
    public void GiveBack()
    {
        lock (_gate)
        {
            _count--;
        }
    }
}
