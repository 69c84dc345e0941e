using PortForward.Forwarding;
using PortForward.Tunnels.Pool;

namespace PortForward.Cluster.Routing;

/// <summary>How a <see cref="PodRouter"/> follows its target.</summary>
internal sealed record PodRouterOptions
{
    /// <summary>Whether a lost pod is replaced. If not, the first loss is the end, as for kubectl. True by default.</summary>
    public bool Reconnect { get; init; } = true;

    /// <summary>Whether connections go to all ready pods of the target, and not to one. False by default.</summary>
    public bool Balance { get; init; }

    /// <summary>How long a connection waits for a pod; 30 s by default, zero for not at all.</summary>
    public TimeSpan HoldTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long the target may be lost before the forward ends. Null, the default, ends it 5 minutes after the target is known to be gone for
    /// good (a pod that was deleted and has not come back, a job that has finished, a workload or service that was deleted), and never
    /// while the server cannot be reached or a workload just has no pods.
    /// </summary>
    public TimeSpan? ReconnectTimeout { get; init; }

    /// <summary>How long a pod may be running without being ready before it is used for want of another; 15 s by default.</summary>
    public TimeSpan UnreadyGrace { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The limits of each pod's tunnels.</summary>
    public TunnelPoolOptions Tunnels { get; init; } = new();

    /// <summary>Called with every event, one at a time and in order: it must return soon.</summary>
    public Action<ForwardEvent>? OnEvent { get; init; }

    /// <summary>Spreads the reconnects of many programs in time: a number from 0 to 1.</summary>
    public Func<double> Jitter { get; init; } = Random.Shared.NextDouble;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
