namespace PortForward.Cluster;

/// <summary>How the forwards of a <see cref="ForwardSet"/> are started.</summary>
public sealed record ForwardSetOptions
{
    /// <summary>How many are started at a time, at least 1; 16 by default. Each takes a connection of its own to the API server while it dials.</summary>
    public int MaxStarting { get; init; } = 16;

    /// <summary>
    /// Whether one that cannot be started, or is lost for good before all are ready, is the end of all, which is the default: then nothing listens before all targets
    /// were reached. If not, each listens once its own target was reached, those that fail have the state <see cref="ForwardState.Failed"/>, and their <see cref="Forward.Completion"/> says why.
    /// </summary>
    public bool RequireAll { get; init; } = true;

    /// <summary>Called with each as soon as its start has ended, in whatever way: others may still be starting.</summary>
    internal Action<Forward>? OnStartEnded { get; init; }
}
