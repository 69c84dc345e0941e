namespace PortForward.Cluster.Routing;

/// <summary>For how long a target has been lost, and when that is too long. Guarded by the router's gate.</summary>
/// <param name="time">The clock.</param>
/// <param name="reconnectTimeout">How long a target may be lost; null for no limit, but <see cref="GoneTimeout"/> once it is gone for good.</param>
internal sealed class TargetLoss(TimeProvider time, TimeSpan? reconnectTimeout)
{
    /// <summary>How long to wait by default for a target that is gone for good: it may be made again under its name.</summary>
    public static readonly TimeSpan GoneTimeout = TimeSpan.FromMinutes(5);

    /// <summary>Since when the target is lost, as a timestamp of the clock; null if it is not.</summary>
    private long? _since;

    /// <summary>Since when the lost target is known to be gone for good, as a timestamp of the clock; null if it may come back by itself.</summary>
    private long? _goneSince;

    /// <summary>Whether the target is lost.</summary>
    public bool IsLost => _since is not null;

    /// <summary>How long a loss may last.</summary>
    public TimeSpan Limit => reconnectTimeout ?? GoneTimeout;

    /// <summary>How much of that is left; null when there is no limit now.</summary>
    public TimeSpan? Remaining => IsLost && (reconnectTimeout is null ? _goneSince : _since) is { } start ? Limit - time.GetElapsedTime(start) : null;

    /// <summary>Whether the loss has lasted for too long.</summary>
    public bool IsOver => Remaining <= TimeSpan.Zero;

    /// <summary>The target is lost. False if it was lost before.</summary>
    public bool Begin()
    {
        bool begins = _since is null;
        _since ??= time.GetTimestamp();
        return begins;
    }

    /// <summary>Takes over whether the target is gone for good.</summary>
    public void Update(bool isGoneForGood) => _goneSince = IsLost && isGoneForGood ? _goneSince ?? time.GetTimestamp() : null;

    /// <summary>The target is back.</summary>
    /// <returns>For how long it was lost.</returns>
    public TimeSpan End()
    {
        TimeSpan lasted = _since is { } since ? time.GetElapsedTime(since) : TimeSpan.Zero;
        _since = null;
        _goneSince = null;
        return lasted;
    }
}
