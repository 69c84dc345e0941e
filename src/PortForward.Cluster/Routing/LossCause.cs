namespace PortForward.Cluster.Routing;

/// <summary>What was lost with a pod, and so what connections wait for.</summary>
public enum LossCause
{
    /// <summary>The pod does not exist any more, or does not run.</summary>
    PodGone,

    /// <summary>The server refuses tunnels to the pod.</summary>
    PodUnreachable,

    /// <summary>The server cannot be reached, or lets no tunnel through. Nothing is known to be wrong with the pod.</summary>
    ServerUnreachable,
}
