using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>Which of a target's pods to use.</summary>
internal static class PodSelection
{
    /// <summary>
    /// kubectl's choice, so that the same command leads to the same pod: scheduled, running, ready, not being deleted, longer ready, fewer
    /// restarts, older. It need not be running. Null when there are no pods.
    /// </summary>
    /// <param name="pods">The pods the target selects.</param>
    public static Pod? First(IEnumerable<Pod> pods)
    {
        ArgumentNullException.ThrowIfNull(pods);
        return pods.Aggregate((Pod?)null, (best, pod) => best is null || Compare(pod, best) > 0 ? pod : best);
    }

    /// <summary>
    /// The choice after the first pod was lost, when the pods may be those of several revisions: running, not being deleted, ready, of the newest
    /// revision; among equals kubectl's choice. An old pod that is ready comes before a new one that is not: it can answer. Null when none runs.
    /// </summary>
    /// <param name="pods">The pods the target selects.</param>
    /// <param name="revisions">Which of their revisions are the newest.</param>
    public static Pod? Later(IEnumerable<Pod> pods, PodRevisions revisions)
    {
        ArgumentNullException.ThrowIfNull(pods);
        ArgumentNullException.ThrowIfNull(revisions);
        return pods.Where(PodFacts.IsRunning).Aggregate((Pod?)null, (best, pod) => best is null || CompareLater(pod, best) > 0 ? pod : best);

        int CompareLater(Pod one, Pod other)
        {
            int order = PodFacts.IsTerminating(other).CompareTo(PodFacts.IsTerminating(one));
            if (order == 0)
            {
                order = PodFacts.IsReady(one).CompareTo(PodFacts.IsReady(other));
            }

            if (order == 0)
            {
                order = revisions.IsNewest(one).CompareTo(revisions.IsNewest(other));
            }

            return order != 0 ? order : Compare(one, other);
        }
    }

    /// <summary>kubectl's order of pods: positive when the first is the better one.</summary>
    internal static int Compare(Pod one, Pod other)
    {
        int order = IsScheduled(one).CompareTo(IsScheduled(other));
        if (order == 0)
        {
            order = PhaseRank(one).CompareTo(PhaseRank(other));
        }

        if (order == 0)
        {
            order = PodFacts.IsReady(one).CompareTo(PodFacts.IsReady(other));
        }

        if (order == 0)
        {
            order = PodFacts.IsTerminating(other).CompareTo(PodFacts.IsTerminating(one));
        }

        if (order == 0 && PodFacts.IsTerminating(one))
        {
            order = Nullable.Compare(one.Metadata?.DeletionTimestamp, other.Metadata?.DeletionTimestamp);
        }

        if (order == 0 && PodFacts.IsReady(one))
        {
            order = EarlierIsBetter(PodFacts.ReadySince(one), PodFacts.ReadySince(other));
        }

        if (order == 0)
        {
            order = PodFacts.MostRestarts(other).CompareTo(PodFacts.MostRestarts(one));
        }

        return order != 0 ? order : EarlierIsBetter(one.Metadata?.CreationTimestamp, other.Metadata?.CreationTimestamp);
    }

    private static bool IsScheduled(Pod pod) => !string.IsNullOrEmpty(pod.Spec?.NodeName);

    /// <summary>Running, Unknown, then everything else alike: kubectl does not rank pods that are over below those that have not begun.</summary>
    private static int PhaseRank(Pod pod) => pod.Status?.Phase switch
    {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    };

    /// <summary>The earlier time is the better; no time is the worst.</summary>
    private static int EarlierIsBetter(DateTime? one, DateTime? other) => (other ?? DateTime.MaxValue).CompareTo(one ?? DateTime.MaxValue);
}
