namespace PortForward.Cluster.Targets;

/// <summary>The types that lead to pods.</summary>
internal enum TargetKind
{
    /// <summary>A pod itself.</summary>
    Pod,

    /// <summary>A service.</summary>
    Service,

    /// <summary>A deployment.</summary>
    Deployment,

    /// <summary>A replica set.</summary>
    ReplicaSet,

    /// <summary>A stateful set.</summary>
    StatefulSet,

    /// <summary>A daemon set.</summary>
    DaemonSet,

    /// <summary>A job.</summary>
    Job,

    /// <summary>A replication controller.</summary>
    ReplicationController,

    /// <summary>No object, but a label selector; it stands in the place of the name.</summary>
    Selector,
}
