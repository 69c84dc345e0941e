using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison;

/// <summary>What is done with a program to measure it, and the figures that come of it.</summary>
internal interface IMeasurement
{
    /// <summary>The figures, in the order in which their values are known; all from equally far away.</summary>
    IReadOnlyList<Figure> Figures { get; }

    /// <summary>Measures once.</summary>
    /// <returns>The figures' values. Who needs only the first ones does not wait for the others.</returns>
    IAsyncEnumerable<double> MeasureAsync(Subject subject);
}
