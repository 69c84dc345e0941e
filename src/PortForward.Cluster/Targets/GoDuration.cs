using System.Globalization;

namespace PortForward.Cluster.Targets;

/// <summary>Durations as Go and kubectl write them: <c>1m0s</c>, <c>1.5s</c>, <c>250ms</c>.</summary>
internal static class GoDuration
{
    public static string Format(TimeSpan duration)
    {
        if (duration < TimeSpan.FromSeconds(1)) return $"{duration.TotalMilliseconds.ToString("0.###", CultureInfo.InvariantCulture)}ms";
        string seconds = (duration.Seconds + (duration.Ticks % TimeSpan.TicksPerSecond / (double)TimeSpan.TicksPerSecond)).ToString("0.#######", CultureInfo.InvariantCulture);
        if (duration < TimeSpan.FromMinutes(1)) return $"{seconds}s";
        return duration < TimeSpan.FromHours(1) ? $"{duration.Minutes}m{seconds}s" : $"{(long)duration.TotalHours}h{duration.Minutes}m{seconds}s";
    }
}
