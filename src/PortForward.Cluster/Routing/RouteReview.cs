using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Routing;

/// <summary>What is due every few seconds: routes to end, former pods to check, and a target to read again. Guarded by the router's gate.</summary>
/// <param name="time">The clock.</param>
/// <param name="follows">Whether other pods are used than the first one.</param>
internal sealed class RouteReview(TimeProvider time, bool follows)
{
    /// <summary>How often there is a review.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private long _reviewedAt = time.GetTimestamp();

    /// <summary>What a review has found to be due.</summary>
    /// <param name="Unused">The routes that serve nobody any more; they are removed.</param>
    /// <param name="ToCheck">The routes to pods that are no pods of the target any more, and may not exist.</param>
    /// <param name="IsReadDue">Whether to read the target again.</param>
    public sealed record Plan(IReadOnlyList<PodRoute> Unused, IReadOnlyList<PodRoute> ToCheck, bool IsReadDue);

    /// <summary>When to read the target again.</summary>
    public TargetRefresh Refresh { get; } = new(time);

    /// <summary>What to do now; null if it is not time for a review. Each route to check counts as being checked from now on.</summary>
    public Plan? TakeDue(RouteTable routes, TargetFollower follower, TargetObject target)
    {
        if (time.GetElapsedTime(_reviewedAt) < Interval)
        {
            return null;
        }

        _reviewedAt = time.GetTimestamp();
        IReadOnlyList<PodRoute> unused = routes.Prune(follower.Serving);
        PodRoute[] toCheck = [.. routes.All.Where(route => !route.IsBeingChecked && IsCheckDue(route.State))];
        foreach (PodRoute route in toCheck)
        {
            route.IsBeingChecked = true;
        }

        return new Plan(unused, toCheck, Refresh.TakeDue(target, follower.IsLost, follows));
    }

    private bool IsCheckDue(RouteState route) => route.FormerSince is { } since && time.GetElapsedTime(since) >= RoutePace.FormerPod(route.ExistenceChecks);
}
