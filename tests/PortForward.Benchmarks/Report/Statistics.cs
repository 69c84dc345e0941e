namespace PortForward.Benchmarks.Report;

/// <summary>What is said about a number of measurements of the same thing.</summary>
/// <param name="Median">The middle one, or the mean of the middle two.</param>
/// <param name="Least">The smallest.</param>
/// <param name="Most">The largest.</param>
internal sealed record Statistics(double Median, double Least, double Most)
{
    /// <summary>Sums up.</summary>
    /// <exception cref="ArgumentException">There is nothing to sum up.</exception>
    public static Statistics Of(IEnumerable<double> samples)
    {
        double[] sorted = [.. samples.Order()];
        if (sorted.Length == 0)
            throw new ArgumentException("There are no samples.", nameof(samples));
        return new Statistics((sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, sorted[0], sorted[^1]);
    }

    /// <summary>The median of times, in milliseconds.</summary>
    public static double MedianMilliseconds(IEnumerable<TimeSpan> times) => Of(times.Select(time => time.TotalMilliseconds)).Median;
}
