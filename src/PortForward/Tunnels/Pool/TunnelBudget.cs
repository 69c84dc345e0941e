namespace PortForward.Tunnels.Pool;

/// <summary>
/// How many tunnels several pools may have together. Each pool may have one whatever the others have, so that none is shut out; beyond that the first who asks gets it.
/// </summary>
internal sealed class TunnelBudget
{
    private readonly Lock _gate = new();
    private int _most;
    private int _taken;

    /// <summary>Creates a budget of which nothing is taken.</summary>
    /// <param name="most">The most tunnels, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is less.</exception>
    public TunnelBudget(int most)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        _most = most;
    }

    /// <summary>The most tunnels. Less than are open takes none away; those that end are not replaced.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less than 1.</exception>
    public int Most
    {
        get
        {
            lock (_gate)
            {
                return _most;
            }
        }

        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            lock (_gate)
            {
                _most = value;
            }
        }
    }

    /// <summary>How many more there may be now.</summary>
    public int Left
    {
        get
        {
            lock (_gate)
            {
                return Math.Max(0, _most - _taken);
            }
        }
    }

    /// <summary>Whether others have taken what is missing.</summary>
    /// <param name="own">How many the pool that asks has itself.</param>
    internal bool IsUsedUpByOthers(int own)
    {
        lock (_gate)
        {
            return _taken >= _most && _taken > own;
        }
    }

    /// <summary>Takes as many as there are left.</summary>
    /// <param name="wanted">How many are wanted.</param>
    /// <param name="isFirst">Whether the pool has none yet: then it gets one in any case.</param>
    /// <returns>How many were taken.</returns>
    internal int Take(int wanted, bool isFirst)
    {
        lock (_gate)
        {
            int taken = Math.Min(wanted, Math.Max(isFirst ? 1 : 0, _most - _taken));
            _taken += taken;
            return taken;
        }
    }

    /// <summary>Counts tunnels that a pool has beside those it took, or gives back those that it has no longer.</summary>
    /// <param name="change">How many more, or how many less if negative.</param>
    internal void Adjust(int change)
    {
        lock (_gate)
        {
            _taken += change;
        }
    }
}
