using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>Why a pod does not do yet what is asked of it, or why there is none.</summary>
/// <param name="Reason">Kubernetes' word for it: <c>Unschedulable</c>, <c>ImagePullBackOff</c>, <c>Pending</c>; a clause if there is no pod.</param>
/// <param name="Message">More about it in one line, or null.</param>
internal sealed record PodObstacle(string Reason, string? Message)
{
    /// <summary>The reason, followed by the message.</summary>
    public override string ToString() => string.IsNullOrEmpty(Message) ? Reason : $"{Reason}: {Message}";
}

/// <summary>What can be read off a pod. Servers leave out whatever is empty, so nothing below the pod is taken for granted.</summary>
internal static class PodFacts
{
    public const string Running = "Running";

    public static string NameOf(Pod pod) => pod.Metadata?.Name ?? "";

    /// <summary>The pod's identity: a new pod of the same name has another.</summary>
    public static string UidOf(Pod pod) => pod.Metadata?.Uid ?? NameOf(pod);

    public static string Phase(Pod pod) => string.IsNullOrEmpty(pod.Status?.Phase) ? "Unknown" : pod.Status.Phase;

    public static bool IsRunning(Pod pod) => pod.Status?.Phase == Running;

    /// <summary>Whether the pod has run its course and never runs again.</summary>
    public static bool IsOver(Pod pod) => pod.Status?.Phase is "Succeeded" or "Failed";

    public static bool IsTerminating(Pod pod) => pod.Metadata?.DeletionTimestamp is not null;

    public static bool IsReady(Pod pod) => Condition(pod, "Ready")?.Status == "True";

    /// <summary>Whether the pod takes new connections by all that it, or an endpoint slice, says of it.</summary>
    public static bool IsServing(Pod pod) => IsRunning(pod) && (IsReady(pod) || pod.Endpoint is { IsReady: true }) && !IsTerminating(pod);

    /// <summary>Since when the pod has been ready; null when it is not, or when that is not known.</summary>
    public static DateTime? ReadySince(Pod pod) => Condition(pod, "Ready") is { Status: "True" } ready ? ready.LastTransitionTime : null;

    /// <summary>The restarts of the container that restarted most, of the ordinary ones and of the sidecars (init containers that keep running).</summary>
    public static (int Regular, int Sidecar) MostRestarts(Pod pod)
    {
        int regular = (pod.Status?.ContainerStatuses ?? []).Select(status => status.RestartCount).DefaultIfEmpty(0).Max();
        HashSet<string> sidecars = [.. (pod.Spec?.InitContainers ?? []).Where(init => init.RestartPolicy == "Always").Select(init => init.Name)];
        int sidecar = (pod.Status?.InitContainerStatuses ?? [])
            .Where(status => sidecars.Contains(status.Name)).Select(status => status.RestartCount).DefaultIfEmpty(0).Max();
        return (regular, sidecar);
    }

    /// <summary>What keeps a pod from running: the scheduler, an init container, an image, the volumes; at least its phase.</summary>
    public static PodObstacle WhyNotRunning(Pod pod)
    {
        if (IsOver(pod))
        {
            return new PodObstacle(Phase(pod), Details(pod.Status?.Reason, pod.Status?.Message));
        }

        if (Condition(pod, "PodScheduled") is { Status: "False" } scheduled)
        {
            return new PodObstacle(OneLine(scheduled.Reason) ?? "Unschedulable", OneLine(scheduled.Message));
        }

        PodObstacle? starting = null;
        foreach (ContainerStatus status in (pod.Status?.InitContainerStatuses ?? []).Concat(pod.Status?.ContainerStatuses ?? []))
        {
            if (status.State?.Waiting is not { } waiting || string.IsNullOrEmpty(waiting.Reason))
            {
                continue;
            }

            var obstacle = new PodObstacle(OneLine(waiting.Reason)!, OneLine(waiting.Message));
            // ContainerCreating and PodInitializing are the ordinary course; whatever else a container waits for says more.
            if (waiting.Reason is not ("ContainerCreating" or "PodInitializing"))
            {
                return obstacle;
            }

            starting ??= obstacle;
        }

        if (pod.Status?.InitContainerStatuses?.FirstOrDefault(status => status.State?.Running is not null && status.Started != true) is { } init)
        {
            return new PodObstacle("Initializing", $"init container {OneLine(init.Name)} is running");
        }

        if (!string.IsNullOrEmpty(pod.Status?.Reason))
        {
            return new PodObstacle(OneLine(pod.Status.Reason)!, OneLine(pod.Status.Message));
        }

        return starting ?? new PodObstacle(Phase(pod), IsTerminating(pod) ? "the pod is being deleted" : null);
    }

    /// <summary>What keeps a running pod from being ready.</summary>
    public static PodObstacle WhyNotReady(Pod pod)
    {
        foreach (ContainerStatus status in pod.Status?.ContainerStatuses ?? [])
        {
            if (status.Ready)
            {
                continue;
            }

            string container = $"container {OneLine(status.Name)}";
            if (OneLine(status.State?.Waiting?.Reason) is { } waiting)
            {
                return new PodObstacle(waiting, OneLine(status.State?.Waiting?.Message) ?? container);
            }

            if (status.State?.Terminated is { } ended)
            {
                return new PodObstacle(OneLine(ended.Reason) ?? "Terminated", $"{container} ended with exit code {ended.ExitCode}");
            }

            return new PodObstacle("ContainersNotReady", $"{container} is not ready");
        }

        Condition? ready = Condition(pod, "Ready");
        return new PodObstacle(OneLine(ready?.Reason) ?? "NotReady", OneLine(ready?.Message));
    }

    private static Condition? Condition(Pod pod, string type) => pod.Status?.Conditions?.FirstOrDefault(condition => condition.Type == type);

    private static string? Details(string? reason, string? message) =>
        OneLine(reason) is { } first ? OneLine(message) is { } second ? $"{first}: {second}" : first : OneLine(message);

    private static string? OneLine(string? text) => string.IsNullOrEmpty(text) ? null : UntrustedText.OneLine(text);
}
