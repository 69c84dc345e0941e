using PortForward.Cluster.Targets;
using PortForward.IO;

namespace PortForward.Cluster;

/// <summary>The router of one target to which streams are dialled, and how many use it. Guarded by the gate of <see cref="DialRouters"/>, but for its tasks.</summary>
/// <param name="target">The target.</param>
/// <param name="namespace">The target's namespace.</param>
internal sealed class DialRouter(TargetReference target, string @namespace)
{
    /// <summary>The target.</summary>
    public TargetReference Target => target;

    /// <summary>The target's namespace.</summary>
    public string Namespace => @namespace;

    /// <summary>Completes when the router can be used, and faults when it could not be started.</summary>
    public TaskCompletionSource<StartedTarget> Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Cancelled when nobody waits for the start any more.</summary>
    public CancellationTokenSource Unwanted { get; } = new();

    /// <summary>Tells that the number of uses has changed.</summary>
    public AsyncSignal Changed { get; } = new();

    /// <summary>How many dials and streams use it.</summary>
    public int Uses { get; set; }

    /// <summary>When the last use has ended, as a timestamp of the clock.</summary>
    public long UsedAt { get; set; }

    /// <summary>Whether its target was lost for good, so that no stream can be opened any more.</summary>
    public bool IsLost => Started.Task.IsCompletedSuccessfully && Started.Task.Result.Router.Completion.IsCompleted;

    /// <summary>Completes when the router and all that used it have ended. Never faults.</summary>
    public Task Completion { get; set; } = Task.CompletedTask;
}
