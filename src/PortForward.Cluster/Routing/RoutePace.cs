namespace PortForward.Cluster.Routing;

/// <summary>How often to poll, while nothing changes, for what no watch reports.</summary>
internal static class RoutePace
{
    private static readonly TimeSpan FirstTarget = TimeSpan.FromSeconds(5);

    /// <summary>As long as a connection waits for a pod by default, so that one that waits sees a target that leads elsewhere meanwhile.</summary>
    private static readonly TimeSpan LongestTarget = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan FirstPod = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LongestPod = TimeSpan.FromMinutes(1);

    /// <summary>When to read a target again that is lost: after 5 s, 10 s, 20 s, and then every 30 s.</summary>
    /// <param name="reads">How often it was read since it was lost.</param>
    public static TimeSpan LostTarget(int reads) => Doubled(FirstTarget, reads, LongestTarget);

    /// <summary>When to check whether a pod still exists that is no pod of the target any more: after 10 s, 20 s, 40 s, and then every minute.</summary>
    /// <param name="checks">How often that was done.</param>
    public static TimeSpan FormerPod(int checks) => Doubled(FirstPod, checks, LongestPod);

    private static TimeSpan Doubled(TimeSpan first, int times, TimeSpan longest) => TimeSpan.FromTicks(Math.Min(longest.Ticks, first.Ticks << Math.Min(times, 8)));
}
