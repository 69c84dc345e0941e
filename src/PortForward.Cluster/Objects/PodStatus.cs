namespace PortForward.Cluster.Objects;

/// <summary>What there is of a pod.</summary>
internal sealed class PodStatus
{
    /// <summary><c>Pending</c>, <c>Running</c>, <c>Succeeded</c>, <c>Failed</c> or <c>Unknown</c>.</summary>
    public string? Phase { get; set; }

    /// <summary>Why the pod is in this phase, in one word: <c>Evicted</c>, <c>NodeLost</c>.</summary>
    public string? Reason { get; set; }

    /// <summary>More about it.</summary>
    public string? Message { get; set; }

    /// <summary>The pod's address; null until it has one.</summary>
    public string? PodIP { get; set; }

    /// <summary>The pod's addresses, the one above included: two in a cluster of both families.</summary>
    public IList<PodAddress>? PodIPs { get; set => field = NullElements.Drop(value); }

    /// <summary>What holds and what does not, such as <c>Ready</c>.</summary>
    public IList<Condition>? Conditions { get; set => field = NullElements.Drop(value); }

    /// <summary>How the containers are.</summary>
    public IList<ContainerStatus>? ContainerStatuses { get; set => field = NullElements.Drop(value); }

    /// <summary>How the init containers are.</summary>
    public IList<ContainerStatus>? InitContainerStatuses { get; set => field = NullElements.Drop(value); }
}

/// <summary>One of a pod's addresses.</summary>
internal sealed class PodAddress
{
    /// <summary>The address.</summary>
    public string? Ip { get; set; }
}

/// <summary>Something that holds of an object, or does not.</summary>
internal sealed class Condition
{
    /// <summary>What it is about: <c>Ready</c>, <c>PodScheduled</c>, <c>Complete</c>.</summary>
    public string? Type { get; set; }

    /// <summary><c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
    public string? Status { get; set; }

    /// <summary>Why, in one word.</summary>
    public string? Reason { get; set; }

    /// <summary>More about it.</summary>
    public string? Message { get; set; }

    /// <summary>Since when.</summary>
    public DateTime? LastTransitionTime { get; set; }
}

/// <summary>How a container is.</summary>
internal sealed class ContainerStatus
{
    /// <summary>The container's name.</summary>
    public string Name { get; set; } = "";

    /// <summary>Whether it passes its readiness probe.</summary>
    public bool Ready { get; set; }

    /// <summary>Whether it has passed its startup probe.</summary>
    public bool? Started { get; set; }

    /// <summary>How often it was started anew.</summary>
    public int RestartCount { get; set; }

    /// <summary>What it does now.</summary>
    public ContainerState? State { get; set; }
}

/// <summary>What a container does now: one of these.</summary>
internal sealed class ContainerState
{
    /// <summary>It waits to be started.</summary>
    public ContainerStateWaiting? Waiting { get; set; }

    /// <summary>It runs.</summary>
    public ContainerStateRunning? Running { get; set; }

    /// <summary>It has ended.</summary>
    public ContainerStateTerminated? Terminated { get; set; }
}

/// <summary>A container that waits to be started.</summary>
internal sealed class ContainerStateWaiting
{
    /// <summary>For what, in one word: <c>ImagePullBackOff</c>.</summary>
    public string? Reason { get; set; }

    /// <summary>More about it.</summary>
    public string? Message { get; set; }
}

/// <summary>A container that runs.</summary>
internal sealed class ContainerStateRunning;

/// <summary>A container that has ended.</summary>
internal sealed class ContainerStateTerminated
{
    /// <summary>Why, in one word: <c>OOMKilled</c>.</summary>
    public string? Reason { get; set; }

    /// <summary>The exit code.</summary>
    public int ExitCode { get; set; }
}
