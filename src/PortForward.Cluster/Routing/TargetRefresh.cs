using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Routing;

/// <summary>
/// When to read a target again: one that is lost, ever more slowly, and one that may lead to other pods although no pod has changed. Guarded by the
/// router's gate.
/// </summary>
internal sealed class TargetRefresh(TimeProvider time)
{
    /// <summary>
    /// How often a service is read again, which may lead to other pods or ports any time, and a stateful set, which may move to another revision. Only pods are
    /// watched, since a missing right to watch services must not take anything away.
    /// </summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    private long _readAt = time.GetTimestamp();

    /// <summary>How often the target was read since it was lost.</summary>
    private int _lostReads;

    /// <summary>Whether the target is to be read now; then the next read is due later.</summary>
    /// <param name="target">The target as it was read last.</param>
    /// <param name="isLost">Whether it is lost.</param>
    /// <param name="follows">Whether other pods are used than the first one.</param>
    public bool TakeDue(TargetObject target, bool isLost, bool follows)
    {
        bool mayLeadElsewhere = target is { Service: not null } or { UpdateRevision: not null };
        if (target.IsPod || !(isLost || (mayLeadElsewhere && follows))
            || time.GetElapsedTime(_readAt) < (isLost ? RoutePace.LostTarget(_lostReads) : Interval))
        {
            return false;
        }

        _readAt = time.GetTimestamp();
        _lostReads += isLost ? 1 : 0;
        return true;
    }

    /// <summary>The target is back: the next loss is read about as quickly as the first one.</summary>
    public void Reset() => _lostReads = 0;
}
