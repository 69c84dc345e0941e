using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Tests.Targets;

/// <summary>Makes pods for tests: scheduled, running and ready, unless changed.</summary>
internal static class Pods
{
    public static readonly DateTime Noon = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);

    public static Pod Ready(string name, Action<Pod>? change = null)
    {
        var pod = new Pod
        {
            Metadata = new ObjectMeta
            {
                Name = name,
                Uid = "uid-" + name,
                ResourceVersion = "1",
                CreationTimestamp = Noon,
                Labels = new Dictionary<string, string>(StringComparer.Ordinal),
            },
            Spec = new PodSpec { NodeName = "node", Containers = [new Container { Name = "main", Ports = [] }] },
            Status = new PodStatus
            {
                Phase = "Running",
                Conditions = [new Condition { Type = "Ready", Status = "True", LastTransitionTime = Noon }],
                ContainerStatuses = [new ContainerStatus { Name = "main", Ready = true }],
            },
        };
        change?.Invoke(pod);
        return pod;
    }

    public static Pod Unready(string name, Action<Pod>? change = null) => Ready(name, pod =>
    {
        pod.Status!.Conditions![0].Status = "False";
        pod.Status!.ContainerStatuses![0].Ready = false;
        change?.Invoke(pod);
    });

    public static Pod Pending(string name, Action<Pod>? change = null) => Ready(name, pod =>
    {
        pod.Status!.Phase = "Pending";
        pod.Status!.Conditions = [];
        pod.Status!.ContainerStatuses![0].Ready = false;
        change?.Invoke(pod);
    });

    public static Pod InPhase(string name, string phase) => Pending(name, pod => pod.Status!.Phase = phase);

    /// <summary>A pending pod whose container waits.</summary>
    public static Pod Waiting(string name, string reason, string? message = null) => Pending(name, pod =>
        pod.Status!.ContainerStatuses![0].State = new ContainerState { Waiting = new ContainerStateWaiting { Reason = reason, Message = message } });

    public static Pod With(this Pod pod, Action<Pod> change)
    {
        change(pod);
        return pod;
    }

    public static Pod Terminating(this Pod pod, int seconds = 0)
    {
        pod.Metadata!.DeletionTimestamp = Noon.AddSeconds(seconds);
        return pod;
    }

    public static Pod Created(this Pod pod, int seconds)
    {
        pod.Metadata!.CreationTimestamp = Noon.AddSeconds(seconds);
        return pod;
    }

    public static Pod OfRevision(this Pod pod, string hash, string ownerKind = "ReplicaSet", string owner = "web")
    {
        pod.Metadata!.Labels![ownerKind == "ReplicaSet" ? "pod-template-hash" : "controller-revision-hash"] = hash;
        pod.Metadata!.OwnerReferences =
            [new OwnerReference { Kind = ownerKind, Name = ownerKind == "ReplicaSet" ? $"{owner}-{hash}" : owner, Controller = true }];
        return pod;
    }

    public static Pod WithPort(this Pod pod, int number, string? name = null, string? protocol = "TCP", bool init = false)
    {
        if (init)
        {
            pod.Spec!.InitContainers ??= [new Container { Name = "init", Ports = [] }];
        }

        (init ? pod.Spec!.InitContainers : pod.Spec!.Containers)![0].Ports!.Add(new ContainerPort { Number = number, Name = name, Protocol = protocol });
        return pod;
    }

    public static ObjectList<Pod> List(params Pod[] pods) => new() { Items = pods, Metadata = new ListMeta { ResourceVersion = "100" } };
}
