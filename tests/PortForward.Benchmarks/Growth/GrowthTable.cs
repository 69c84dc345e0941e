using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Growth;

/// <summary>How something grows: a table with a row for each step and program.</summary>
internal abstract class GrowthTable
{
    /// <summary>Its name on the command line.</summary>
    public abstract string Id { get; }

    /// <summary>Its headline.</summary>
    public abstract string Title { get; }

    /// <summary>What the first column counts.</summary>
    public abstract string StepHead { get; }

    /// <summary>The heads of the measured columns.</summary>
    public abstract IReadOnlyList<string> Heads { get; }

    /// <summary>The steps, the smallest first.</summary>
    public abstract IReadOnlyList<int> Steps { get; }

    /// <summary>The round trip that a step adds.</summary>
    public virtual TimeSpan RoundTrip(int step) => TimeSpan.Zero;

    /// <summary>Measures one row.</summary>
    public abstract Task<IReadOnlyList<double>> MeasureAsync(Subject subject, int step);

    /// <summary>A sentence about the rows of pf; null for none.</summary>
    public virtual string? Conclude(IReadOnlyList<(int Step, IReadOnlyList<double> Values)> rows) => null;

    /// <summary>Bytes as MiB.</summary>
    protected static double MiB(long bytes) => bytes / 1024.0 / 1024.0;
}
