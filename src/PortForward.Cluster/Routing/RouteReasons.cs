using PortForward.Cluster.Api;
using PortForward.Cluster.Targets;
using PortForward.Tunnels;

namespace PortForward.Cluster.Routing;

/// <summary>Why a target cannot be reached and why a pod is not used any more, in words that follow the pod's name, and what to do about it.</summary>
internal static class RouteReasons
{
    /// <summary>Why a pod in use cannot be reached.</summary>
    /// <param name="pod">The pod's name.</param>
    /// <param name="fault">Why the last attempt failed; null if its tunnels have only ended.</param>
    public static string WhyUnreachable(string pod, TunnelFault? fault) => fault switch
    {
        null => "cannot be reached: the server does not answer",
        _ when UpgradeRefusal.SaysPodIsGone(fault, pod) => "was deleted",
        { Cause: { } cause } when ClusterException.Find(cause) is { } known => $"cannot be reached: {known.Message}",
        { FailedTransport: { } transport } => $"cannot be reached: no transport works: {transport}: {fault.Message}",
        _ => $"cannot be reached: {fault.Message}",
    };

    /// <summary>What is lost when a pod in use cannot be reached.</summary>
    /// <param name="pod">The pod's name.</param>
    /// <param name="fault">Why the last attempt failed; null if it has not ended yet.</param>
    public static LossCause CauseOf(string pod, TunnelFault? fault) => fault switch
    {
        not null when UpgradeRefusal.SaysPodIsGone(fault, pod) => LossCause.PodGone,
        { Kind: TunnelFaultKind.Refused } when UpgradeRefusal.Read(fault, pod) != RefusalMeaning.Unknown => LossCause.PodUnreachable,
        _ => LossCause.ServerUnreachable,
    };

    /// <summary>Why new connections do not go to a pod any more.</summary>
    public static string WhyLeft(RouteState route, TargetSnapshot known) => route.Pod switch
    {
        null when route.IsDeletedOrOver(known.Target) => "was deleted",
        null when known.Outside is { } outside => $"is not where {known.Target.Reference} leads any more: that goes to {outside.Where}",
        null when known.Target.HasSlices => $"is not where {known.Target.Reference} leads any more",
        null => $"was deleted or taken out of {known.Target.Reference}",
        { } pod when PodFacts.IsTerminating(pod) => PodFacts.IsRunning(pod) ? "is terminating" : "was deleted",
        { } pod when !PodFacts.IsRunning(pod) => $"has ended ({PodFacts.WhyNotRunning(pod)})",
        not null when route.Reach.Fault is { Kind: TunnelFaultKind.Refused } fault => WhyUnreachable(route.Name, fault),
        { } pod => $"is not ready ({PodFacts.WhyNotReady(pod)})",
    };

    /// <summary>Why there is no pod to connect to, in a whole clause.</summary>
    /// <param name="serving">The pod in use; null if there is none.</param>
    /// <param name="known">What is known of the target.</param>
    public static string WhyNoPod(RouteState? serving, TargetSnapshot known) => serving switch
    {
        { Reach.IsFailing: true } => $"pod {serving.Name} {WhyUnreachable(serving.Name, serving.Reach.Fault)}",
        _ when known.IsGone => $"{known.Target.Reference} does not exist any more",
        _ when known.Target.IsFinished => $"{known.Target.Reference} has finished",
        _ when known.Outside is { } outside => $"{known.Target.Reference} goes to {outside.Where}",
        _ when known.Target.IsPod => $"pod {known.Target.Reference.Name} is gone",
        _ => $"{known.Target.Reference} has no running pod",
    };

    /// <summary>Points at the workload that owns a pod, which could be followed from pod to pod; null if there is none.</summary>
    public static string? OwnerHint(ResolvedTarget target)
    {
        if (target.Target.Kind != TargetKind.Pod || target.Pod.Metadata?.OwnerReferences?.FirstOrDefault(owner => owner.Controller == true) is not { } owner)
        {
            return null;
        }

        // A stateful set's pod comes back under its own name.
        string? hash = target.Pod.Metadata.Labels?.TryGetValue("pod-template-hash", out string? value) == true ? value : null;
        return owner.Kind switch
        {
            "ReplicaSet" when hash is not null && owner.Name.EndsWith($"-{hash}", StringComparison.Ordinal) => $"use deploy/{owner.Name[..^(hash.Length + 1)]} to follow the workload",
            "ReplicaSet" => $"use rs/{owner.Name} to follow the workload",
            "DaemonSet" => $"use ds/{owner.Name} to follow the workload",
            "ReplicationController" => $"use rc/{owner.Name} to follow the workload",
            _ => null,
        };
    }
}
