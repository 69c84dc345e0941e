using k8s.Models;

namespace PortForward.Cluster.Tests.Targets;

/// <summary>Makes pods for tests: scheduled, running and ready, unless changed.</summary>
internal static class Pods
{
    public static readonly DateTime Noon = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);

    public static V1Pod Ready(string name, Action<V1Pod>? change = null)
    {
        var pod = new V1Pod
        {
            Metadata = new V1ObjectMeta
            {
                Name = name,
                Uid = "uid-" + name,
                ResourceVersion = "1",
                CreationTimestamp = Noon,
                Labels = new Dictionary<string, string>(StringComparer.Ordinal),
            },
            Spec = new V1PodSpec { NodeName = "node", Containers = [new V1Container { Name = "main", Ports = [] }] },
            Status = new V1PodStatus
            {
                Phase = "Running",
                Conditions = [new V1PodCondition { Type = "Ready", Status = "True", LastTransitionTime = Noon }],
                ContainerStatuses = [new V1ContainerStatus { Name = "main", Ready = true, Image = "", ImageID = "" }],
            },
        };
        change?.Invoke(pod);
        return pod;
    }

    public static V1Pod Unready(string name, Action<V1Pod>? change = null) => Ready(name, pod =>
    {
        pod.Status.Conditions[0].Status = "False";
        pod.Status.ContainerStatuses[0].Ready = false;
        change?.Invoke(pod);
    });

    public static V1Pod Pending(string name, Action<V1Pod>? change = null) => Ready(name, pod =>
    {
        pod.Status.Phase = "Pending";
        pod.Status.Conditions = [];
        pod.Status.ContainerStatuses[0].Ready = false;
        change?.Invoke(pod);
    });

    public static V1Pod InPhase(string name, string phase) => Pending(name, pod => pod.Status.Phase = phase);

    /// <summary>A pending pod whose container waits.</summary>
    public static V1Pod Waiting(string name, string reason, string? message = null) => Pending(name, pod =>
        pod.Status.ContainerStatuses[0].State = new V1ContainerState { Waiting = new V1ContainerStateWaiting { Reason = reason, Message = message } });

    public static V1Pod With(this V1Pod pod, Action<V1Pod> change)
    {
        change(pod);
        return pod;
    }

    public static V1Pod Terminating(this V1Pod pod, int seconds = 0)
    {
        pod.Metadata.DeletionTimestamp = Noon.AddSeconds(seconds);
        return pod;
    }

    public static V1Pod Created(this V1Pod pod, int seconds)
    {
        pod.Metadata.CreationTimestamp = Noon.AddSeconds(seconds);
        return pod;
    }

    public static V1Pod OfRevision(this V1Pod pod, string hash, string ownerKind = "ReplicaSet", string owner = "web")
    {
        pod.Metadata.Labels[ownerKind == "ReplicaSet" ? "pod-template-hash" : "controller-revision-hash"] = hash;
        pod.Metadata.OwnerReferences =
            [new V1OwnerReference { Kind = ownerKind, Name = ownerKind == "ReplicaSet" ? $"{owner}-{hash}" : owner, Controller = true, ApiVersion = "apps/v1", Uid = "u" }];
        return pod;
    }

    public static V1Pod WithPort(this V1Pod pod, int number, string? name = null, string? protocol = "TCP", bool init = false)
    {
        if (init) pod.Spec.InitContainers ??= [new V1Container { Name = "init", Ports = [] }];
        (init ? pod.Spec.InitContainers : pod.Spec.Containers)[0].Ports.Add(new V1ContainerPort { ContainerPort = number, Name = name, Protocol = protocol });
        return pod;
    }

    public static V1PodList List(params V1Pod[] pods) => new() { Items = pods, Metadata = new V1ListMeta { ResourceVersion = "100" } };
}
