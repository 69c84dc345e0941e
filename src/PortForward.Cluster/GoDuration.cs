using System.Buffers;
using System.Globalization;

namespace PortForward.Cluster;

/// <summary>Durations as Go and kubectl take and write them (Go's <c>time.ParseDuration</c>): <c>90s</c>, <c>1h30m</c>, <c>1.5m</c>, <c>300ms</c>.</summary>
internal static class GoDuration
{
    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    private static readonly (string Name, double Ticks)[] Units =
    [
        ("ns", TimeSpan.TicksPerMicrosecond / 1000.0),
        ("us", TimeSpan.TicksPerMicrosecond),
        ("µs", TimeSpan.TicksPerMicrosecond),
        ("μs", TimeSpan.TicksPerMicrosecond),
        ("ms", TimeSpan.TicksPerMillisecond),
        ("s", TimeSpan.TicksPerSecond),
        ("m", TimeSpan.TicksPerMinute),
        ("h", TimeSpan.TicksPerHour),
    ];

    /// <summary>Go counts nanoseconds in 64 bits, which is enough for 292 years.</summary>
    private const long MaxTicks = long.MaxValue / TimeSpan.NanosecondsPerTick;

    /// <summary>Reads a duration. False if the text is none, or names one that Go cannot hold.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        ReadOnlySpan<char> rest = text;
        bool negative = rest is ['-', ..];
        if (rest is ['-' or '+', ..])
        {
            rest = rest[1..];
        }

        if (rest is "0")
        {
            return true;
        }

        double ticks = 0;
        bool any = false;
        while (!rest.IsEmpty)
        {
            int digits = rest.IndexOfAnyExcept(NumberCharacters);
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value))
            {
                return false;
            }

            rest = rest[digits..];
            int letters = rest.IndexOfAny(NumberCharacters);
            ReadOnlySpan<char> unit = letters < 0 ? rest : rest[..letters];
            if (!TryFindUnit(unit, out double unitTicks))
            {
                return false;
            }

            ticks += value * unitTicks;
            rest = rest[unit.Length..];
            any = true;
        }

        if (!any || ticks > MaxTicks)
        {
            return false;
        }

        duration = TimeSpan.FromTicks((long)(negative ? -ticks : ticks));
        return true;
    }

    /// <summary>Writes a duration, 0 or longer: <c>1m0s</c>, <c>1.5s</c>, <c>250ms</c>.</summary>
    public static string Format(TimeSpan duration)
    {
        if (duration < TimeSpan.FromSeconds(1))
        {
            return $"{duration.TotalMilliseconds.ToString("0.###", CultureInfo.InvariantCulture)}ms";
        }

        string seconds = (duration.Seconds + (duration.Ticks % TimeSpan.TicksPerSecond / (double)TimeSpan.TicksPerSecond)).ToString("0.#######", CultureInfo.InvariantCulture);
        return duration < TimeSpan.FromMinutes(1) ? $"{seconds}s"
            : duration < TimeSpan.FromHours(1) ? $"{duration.Minutes}m{seconds}s"
            : $"{(long)duration.TotalHours}h{duration.Minutes}m{seconds}s";
    }

    private static bool TryFindUnit(ReadOnlySpan<char> name, out double ticks)
    {
        foreach ((string unit, double unitTicks) in Units)
        {
            if (name.SequenceEqual(unit))
            {
                ticks = unitTicks;
                return true;
            }
        }

        ticks = 0;
        return false;
    }
}
