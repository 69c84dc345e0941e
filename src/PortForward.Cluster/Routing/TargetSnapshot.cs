using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Routing;

/// <summary>What is known of a target at one moment.</summary>
/// <param name="Target">The target as it was read last.</param>
/// <param name="Pods">Its pods; null as long as nothing is known, or when the rights do not suffice.</param>
/// <param name="IsGone">Whether the target itself does not exist any more.</param>
internal readonly record struct TargetSnapshot(TargetObject Target, IReadOnlyCollection<Pod>? Pods, bool IsGone)
{
    /// <summary>Where the target leads, if it leads to no pod of its namespace; null otherwise.</summary>
    public OutsideEndpoint? Outside { get; init; }

    /// <summary>Whether no pod of the target will ever run again.</summary>
    public bool IsGoneForGood => IsGone || Target.IsFinished || (Target.IsPod && Pods is { } pods && pods.All(PodFacts.IsOver));
}
