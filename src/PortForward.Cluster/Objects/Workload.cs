namespace PortForward.Cluster.Objects;

/// <summary>
/// What makes pods and says by a selector which are its own: a deployment, replica set, stateful set, daemon set or job.
/// </summary>
internal sealed class Workload : IApiObject
{
    /// <inheritdoc/>
    public ObjectMeta? Metadata { get; set; }

    /// <summary>What was asked for.</summary>
    public WorkloadSpec? Spec { get; set; }

    /// <summary>What there is.</summary>
    public WorkloadStatus? Status { get; set; }
}

/// <summary>What was asked of a workload.</summary>
internal sealed class WorkloadSpec
{
    /// <summary>Which pods are its own.</summary>
    public LabelSelector? Selector { get; set; }

    /// <summary>How many pods there shall be; null for those that do not count them, and where one is meant.</summary>
    public int? Replicas { get; set; }
}

/// <summary>What there is of a workload.</summary>
internal sealed class WorkloadStatus
{
    /// <summary>The revision that a stateful set is moving to.</summary>
    public string? UpdateRevision { get; set; }

    /// <summary>What holds and what does not, such as a job's <c>Complete</c>.</summary>
    public IList<Condition>? Conditions { get; set => field = NullElements.Drop(value); }
}

/// <summary>Selects objects by their labels; all of it must hold.</summary>
internal sealed class LabelSelector
{
    /// <summary>Labels and the values they must have.</summary>
    public IDictionary<string, string>? MatchLabels { get; set => field = NullElements.Drop(value); }

    /// <summary>More about labels.</summary>
    public IList<LabelSelectorRequirement>? MatchExpressions { get; set => field = NullElements.Drop(value); }
}

/// <summary>What must hold of one label.</summary>
internal sealed class LabelSelectorRequirement
{
    /// <summary>The label.</summary>
    public string Key { get; set; } = "";

    /// <summary><c>In</c>, <c>NotIn</c>, <c>Exists</c> or <c>DoesNotExist</c>; <c>Gt</c> or <c>Lt</c> only where a person has written the selector.</summary>
    public string? Operator { get; set; }

    /// <summary>The values that <c>In</c> and <c>NotIn</c> name.</summary>
    public IList<string>? Values { get; set => field = NullElements.Drop(value); }
}

/// <summary>The oldest of the workloads, whose selector has labels only.</summary>
internal sealed class ReplicationController : IApiObject
{
    /// <inheritdoc/>
    public ObjectMeta? Metadata { get; set; }

    /// <summary>What was asked for.</summary>
    public ReplicationControllerSpec? Spec { get; set; }
}

/// <summary>What was asked of a replication controller.</summary>
internal sealed class ReplicationControllerSpec
{
    /// <summary>The labels of its pods.</summary>
    public IDictionary<string, string>? Selector { get; set => field = NullElements.Drop(value); }

    /// <summary>How many pods there shall be.</summary>
    public int? Replicas { get; set; }
}
