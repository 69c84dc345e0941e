namespace PortForward.Tunnels;

/// <summary>A stream pair and the pod that it leads to.</summary>
/// <param name="Pair">The pair, owned by the caller.</param>
/// <param name="Pod">Identifies the pod for <see cref="PairRequest.AvoidedPods"/>; empty if the source knows of one pod only.</param>
internal readonly record struct RoutedPair(IStreamPair Pair, string Pod)
{
    /// <summary>The pod's name; null if the source does not know it.</summary>
    public string? PodName { get; init; }
}
