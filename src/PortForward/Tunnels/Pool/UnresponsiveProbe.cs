namespace PortForward.Tunnels.Pool;

/// <summary>
/// Decides when a pool finds out, by dialling another tunnel, whether its silent ones are dead or only blocked, and for how long the answer counts. The dial
/// begins as soon as no tunnel is heard, so that its answer is there when the silent ones have used up their time. Guarded by the pool's gate.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="interval">How often tunnels are pinged: a third of the time after which a silent one counts as dead.</param>
internal sealed class UnresponsiveProbe(TimeProvider time, TimeSpan interval)
{
    /// <summary>
    /// How much longer than the silent tunnels' time the dial may take. They fall silent an interval before it is over; a server that is far away needs
    /// a second for an upgrade, whatever the interval.
    /// </summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(1);

    private TunnelFault? _fault;
    private long _faultUntil = long.MinValue;
    private long _notBefore = long.MinValue;
    private bool _isUnderWay;

    /// <summary>How long the dial may take. Then the answer is that there is no other tunnel.</summary>
    public TimeSpan Limit => interval + Slack;

    /// <summary>Why no other tunnel could be had, for as long as tunnels that were silent then use up their time; otherwise null.</summary>
    public TunnelFault? Fault => time.GetTimestamp() <= _faultUntil ? _fault : null;

    /// <summary>Whether the dial is to be begun now.</summary>
    /// <param name="anySilent">Whether a tunnel is silent.</param>
    /// <param name="anyHeard">Whether another one is known to live: then so does the pod.</param>
    public bool TryBegin(bool anySilent, bool anyHeard)
    {
        if (_isUnderWay || !anySilent || anyHeard || time.GetTimestamp() < _notBefore)
        {
            return false;
        }

        _isUnderWay = true;
        _fault = null;
        _notBefore = time.After(TunnelDialOptions.PingsPerTimeout * interval); // At the limit each dial costs an upgrade for nothing.
        return true;
    }

    /// <summary>The dial has ended.</summary>
    /// <param name="fault">Why there is no other tunnel; null if there is one, or if the server has answered at least.</param>
    public void End(TunnelFault? fault)
    {
        _isUnderWay = false;
        _fault = fault;
        _faultUntil = time.After(Limit);
    }

    /// <summary>A tunnel was established: what was found out before counts no more.</summary>
    public void Established() => _fault = null;
}
