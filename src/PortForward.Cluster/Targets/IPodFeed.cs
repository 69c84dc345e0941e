using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>A target's pods as they are now.</summary>
internal interface IPodFeed
{
    /// <summary>What keeps the feed from the API server at the moment, or null.</summary>
    ClusterException? Fault { get; }

    /// <summary>Where the target leads, if it leads to no pod of its namespace; null for all that is selected by labels or names.</summary>
    OutsideEndpoint? Outside => null;

    /// <summary>The pods, at once and after each change. Ends only by cancellation or by an exception.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ClusterException">They cannot be followed.</exception>
    IAsyncEnumerable<IReadOnlyCollection<Pod>> FollowAsync(CancellationToken cancellationToken);
}
