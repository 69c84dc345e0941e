using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>A target as the cluster has it: what leads from it to its pods.</summary>
/// <param name="Reference">What the user asked for.</param>
/// <param name="Namespace">The namespace it is in.</param>
internal sealed record TargetObject(TargetReference Reference, string Namespace)
{
    /// <summary>The pod, when the target is one.</summary>
    public Pod? Pod { get; init; }

    /// <summary>The service, when the target is one.</summary>
    public Service? Service { get; init; }

    /// <summary>Whether the target is a pod.</summary>
    public bool IsPod => Reference.Kind == TargetKind.Pod;

    /// <summary>Whether the target is a service whose endpoint slices say which of the namespace's pods it leads to.</summary>
    public bool HasSlices => Reference.Kind == TargetKind.Service && Selector is null;

    /// <summary>Selects the target's pods, in the API's text form; null when the target is a pod, or a service without a selector.</summary>
    public string? Selector { get; init; }

    /// <summary>The same, to be compared with labels; null when the target is a pod.</summary>
    public LabelSelector? Labels { get; init; }

    /// <summary>Whether the target's owner has asked for no pods at all.</summary>
    public bool IsScaledToZero { get; init; }

    /// <summary>Whether a job has come to its end, so that no pod of it will run again.</summary>
    public bool IsFinished { get; init; }

    /// <summary>The revision a stateful set is moving to, or null.</summary>
    public string? UpdateRevision { get; init; }

    /// <summary>Which objects the target's pods are, or are among.</summary>
    public ApiSelection PodSelection => IsPod ? ApiSelection.Named(Reference.Name) : new ApiSelection(Selector);

    /// <summary>Whether a pod of its namespace is one of its own, or may be.</summary>
    public bool Selects(Pod pod) => Labels is null ? pod.Metadata?.Name == Reference.Name : LabelSelectors.Matches(Labels, pod.Metadata?.Labels);

    /// <summary>Reads a target: one request, or none for a selector.</summary>
    /// <exception cref="ClusterException">It cannot be read, or it does not say which pods are its own.</exception>
    public static async Task<TargetObject> ReadAsync(ApiClient api, TargetReference reference, string @namespace, CancellationToken cancellationToken)
    {
        string name = reference.Name;
        var target = new TargetObject(reference, @namespace);
        switch (reference.Kind)
        {
            case TargetKind.Pod:
                return target with { Pod = await api.GetAsync(ApiResources.Pods, @namespace, name, cancellationToken).ConfigureAwait(false) };
            case TargetKind.Service:
                Service service = await api.GetAsync(ApiResources.Services, @namespace, name, cancellationToken).ConfigureAwait(false);
                var labels = new LabelSelector { MatchLabels = service.Spec?.Selector };
                string selector = LabelSelectors.Format(labels);
                return selector.Length > 0 ? target with { Service = service, Selector = selector, Labels = labels }
                    : service.Spec is { ClusterIP: not "None", Type: not "ExternalName" } ? target with { Service = service, Labels = labels }
                    : throw WithoutSelector(name);
            case TargetKind.Selector:
                return SelectorText.TryParse(name, out LabelSelector? wanted, out string? wrong)
                    ? target with { Selector = name, Labels = wanted }
                    : throw new ClusterException(wrong);
            case TargetKind.Deployment:
                Workload deployment = await api.GetAsync(ApiResources.Deployments, @namespace, name, cancellationToken).ConfigureAwait(false);
                return target.Selecting(deployment.Spec?.Selector, deployment.Spec?.Replicas);
            case TargetKind.ReplicaSet:
                Workload replicaSet = await api.GetAsync(ApiResources.ReplicaSets, @namespace, name, cancellationToken).ConfigureAwait(false);
                return target.Selecting(replicaSet.Spec?.Selector, replicaSet.Spec?.Replicas);
            case TargetKind.StatefulSet:
                Workload statefulSet = await api.GetAsync(ApiResources.StatefulSets, @namespace, name, cancellationToken).ConfigureAwait(false);
                return target.Selecting(statefulSet.Spec?.Selector, statefulSet.Spec?.Replicas) with { UpdateRevision = statefulSet.Status?.UpdateRevision };
            case TargetKind.DaemonSet:
                Workload daemonSet = await api.GetAsync(ApiResources.DaemonSets, @namespace, name, cancellationToken).ConfigureAwait(false);
                return target.Selecting(daemonSet.Spec?.Selector, null);
            case TargetKind.Job:
                Workload job = await api.GetAsync(ApiResources.Jobs, @namespace, name, cancellationToken).ConfigureAwait(false);
                bool finished = (job.Status?.Conditions ?? []).Any(condition => condition is { Type: "Complete" or "Failed", Status: "True" });
                return target.Selecting(job.Spec?.Selector, null) with { IsFinished = finished };
            case TargetKind.ReplicationController:
                ReplicationController controller =
                    await api.GetAsync(ApiResources.ReplicationControllers, @namespace, name, cancellationToken).ConfigureAwait(false);
                return target.Selecting(new LabelSelector { MatchLabels = controller.Spec?.Selector }, controller.Spec?.Replicas);
            default:
                throw new ArgumentOutOfRangeException(nameof(reference), reference.Kind, "unknown kind of target");
        }
    }

    /// <summary>What kubectl says of every service without a selector.</summary>
    /// <param name="service">The service's name.</param>
    /// <param name="cause">Why its endpoint slices cannot be read; null if there is none.</param>
    public static ClusterException WithoutSelector(string service, ClusterException? cause = null) =>
        new($"invalid service '{service}': Service is defined without a selector, so it has no pods to forward to", cause) { StatusCode = cause?.StatusCode };

    private TargetObject Selecting(LabelSelector? selector, int? replicas)
    {
        // An empty selector would mean every pod of the namespace; the API server lets none be made for a workload.
        string text = LabelSelectors.Format(selector);
        if (text.Length == 0)
        {
            throw new ClusterException($"{Reference} has no selector, so it has no pods to forward to");
        }

        return this with { Selector = text, Labels = selector, IsScaledToZero = replicas == 0 };
    }
}
