namespace PortForward.Cluster.Targets;

/// <summary>What is being waited for.</summary>
/// <param name="Target">The target the user named.</param>
/// <param name="PodName">The pod that is nearest to running, or null when the target has none yet.</param>
/// <param name="Obstacle">What keeps it from running.</param>
internal sealed record PodWaitProgress(TargetReference Target, string? PodName, PodObstacle Obstacle)
{
    /// <summary>One line: <c>waiting for pod web-1 to run (ImagePullBackOff: Back-off pulling image "web:1")</c>.</summary>
    public override string ToString() => PodName is null
        ? $"waiting for a pod of {Target} ({Obstacle})"
        : $"waiting for pod {PodName} to run ({Obstacle})";
}
