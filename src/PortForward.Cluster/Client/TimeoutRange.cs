namespace PortForward.Cluster;

/// <summary>What a time-out may be.</summary>
internal static class TimeoutRange
{
    /// <summary>A timer takes 2^32 - 2 milliseconds at most, which is this and some hours.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(49);

    /// <summary>Says in one sentence what is wrong with a time-out; null if nothing is.</summary>
    /// <param name="timeout">The time-out; null for none.</param>
    /// <param name="name">The option's name.</param>
    /// <param name="isZeroAllowed">Whether it may be zero.</param>
    public static string? WhyWrong(TimeSpan? timeout, string name, bool isZeroAllowed = true) => timeout switch
    {
        null => null,
        { } value when value < TimeSpan.Zero => $"{name} must not be negative.",
        { } value when value == TimeSpan.Zero && !isZeroAllowed => $"{name} must be higher than zero.",
        { } value when value > Longest => $"{name} must be at most {Longest.Days} days.",
        _ => null,
    };
}
