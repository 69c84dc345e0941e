namespace PortForward.Cluster;

/// <summary>The states of a forward.</summary>
public enum ForwardState
{
    /// <summary>It is being started.</summary>
    Starting,

    /// <summary>Connections are served.</summary>
    Ready,

    /// <summary>The target is lost for the moment: new connections wait until there is a pod again.</summary>
    Lost,

    /// <summary>It has ended because it could not start, or because the target is lost for good.</summary>
    Failed,

    /// <summary>It was stopped.</summary>
    Ended,
}
