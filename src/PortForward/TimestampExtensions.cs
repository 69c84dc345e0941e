namespace PortForward;

/// <summary>Moments as timestamps of a clock, which no change of the date moves.</summary>
internal static class TimestampExtensions
{
    /// <summary>The moment that comes after a time from now; the last one there is when it lies beyond that.</summary>
    /// <param name="clock">The clock.</param>
    /// <param name="time">How far off the moment is; not negative.</param>
    /// <returns>A timestamp to compare with those of <see cref="TimeProvider.GetTimestamp"/>.</returns>
    public static long After(this TimeProvider clock, TimeSpan time)
    {
        ArgumentNullException.ThrowIfNull(clock);
        long now = clock.GetTimestamp();
        double ticks = time.TotalSeconds * clock.TimestampFrequency;
        return ticks < long.MaxValue - now ? now + (long)ticks : long.MaxValue;
    }
}
