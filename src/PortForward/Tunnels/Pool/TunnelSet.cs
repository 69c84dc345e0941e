namespace PortForward.Tunnels.Pool;

/// <summary>The tunnels of a pool, and which of them are idle. Guarded by the pool's lock.</summary>
internal sealed class TunnelSet
{
    private readonly List<PooledTunnel> _all = [];

    /// <summary>The idle ones, the most recently used last: that one is the surest to be alive.</summary>
    private readonly List<PooledTunnel> _idle = [];

    /// <summary>Whether a tunnel that had served has gone since one was established when none was left.</summary>
    private bool _servedOneIsGone;

    public int Count => _all.Count;

    public int IdleCount => _idle.Count;

    /// <summary>How many count against the limit. With a limit of one, nothing new would be served until the last of the draining ones has ended.</summary>
    public int OccupiedCount => _all.Count(static tunnel => !tunnel.IsDraining);

    /// <summary>How many are known to live.</summary>
    public int AliveCount => _all.Count(static tunnel => tunnel.IsAlive);

    /// <summary>How many uses there are of all of them.</summary>
    public int Uses => _all.Sum(static tunnel => tunnel.Uses);

    /// <summary>Whether a connection got through one of those that are left, or of those that have gone since there was none.</summary>
    public bool HasServed => _servedOneIsGone || _all.Exists(static tunnel => tunnel.HasServed);

    public bool Any(Predicate<PooledTunnel> condition) => _all.Exists(condition);

    public PooledTunnel[] Where(Func<PooledTunnel, bool> condition) => [.. _all.Where(condition)];

    /// <summary>Those that connections can share, the least busy first.</summary>
    public PooledTunnel[] LeastBusyFirst() => [.. _all.Where(static tunnel => tunnel.CanServe).OrderBy(static tunnel => tunnel.Uses)];

    public bool Contains(PooledTunnel tunnel) => _all.Contains(tunnel);

    public void Add(PooledTunnel tunnel)
    {
        _servedOneIsGone &= AliveCount > 0;
        _all.Add(tunnel);
    }

    /// <summary>Keeps a tunnel that nobody uses.</summary>
    public void PutIdle(PooledTunnel tunnel, long now)
    {
        tunnel.IdleSince = now;
        _idle.Add(tunnel);
    }

    /// <summary>Takes the idle tunnel that was used last, and counts it as used; null if none is left. Dead ones are dropped.</summary>
    public PooledTunnel? TakeIdle()
    {
        while (_idle is [.., var last])
        {
            _idle.RemoveAt(_idle.Count - 1);
            if (last.Tunnel.CanOpen)
            {
                last.Use();
                return last;
            }

            Drop(last);
        }

        return null;
    }

    /// <summary>Takes all idle tunnels, without a use of them.</summary>
    public PooledTunnel[] TakeAllIdle()
    {
        PooledTunnel[] idle = [.. _idle];
        _idle.Clear();
        return idle;
    }

    /// <summary>Counts another use of a tunnel, unless it has been removed or is draining.</summary>
    public bool TryShare(PooledTunnel tunnel)
    {
        if (tunnel.IsDraining || !_all.Contains(tunnel))
        {
            return false;
        }

        _idle.Remove(tunnel);
        tunnel.Use();
        return true;
    }

    /// <summary>Forgets a tunnel; false if that was done before.</summary>
    public bool Remove(PooledTunnel tunnel)
    {
        _idle.Remove(tunnel);
        if (!_all.Remove(tunnel))
        {
            return false;
        }

        _servedOneIsGone |= tunnel.HasServed;
        tunnel.Removed();
        return true;
    }

    /// <summary>Forgets a tunnel and ends it.</summary>
    public void Drop(PooledTunnel tunnel)
    {
        if (Remove(tunnel))
        {
            tunnel.End();
        }
    }

    /// <summary>Drops idle tunnels that have died, and those that were idle for long, except so many.</summary>
    /// <param name="kept">How many are kept however long they are idle.</param>
    /// <param name="isIdleForLong">Whether a tunnel that is idle since this timestamp is so for long.</param>
    public void Prune(int kept, Func<long, bool> isIdleForLong)
    {
        int living = 0;
        for (int i = _idle.Count - 1; i >= 0; i--)
        {
            PooledTunnel tunnel = _idle[i];
            if (!tunnel.Tunnel.CanOpen || (living >= kept && isIdleForLong(tunnel.IdleSince)))
            {
                Drop(tunnel);
            }
            else
            {
                living++;
            }
        }
    }

    /// <summary>Forgets all tunnels and gives them.</summary>
    public PooledTunnel[] Clear()
    {
        PooledTunnel[] all = [.. _all];
        _all.Clear();
        _idle.Clear();
        return all;
    }
}
