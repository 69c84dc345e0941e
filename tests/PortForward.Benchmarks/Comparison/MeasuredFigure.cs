using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison;

/// <summary>A figure that is all that its measurement gives.</summary>
/// <inheritdoc cref="Figure"/>
internal abstract class MeasuredFigure(string id, string title, string unit, Better better, double wanted) : Figure(id, title, unit, better, wanted), IMeasurement
{
    IReadOnlyList<Figure> IMeasurement.Figures => [this];

    /// <summary>Measures once.</summary>
    public abstract Task<double> MeasureAsync(Subject subject);

    async IAsyncEnumerable<double> IMeasurement.MeasureAsync(Subject subject)
    {
        yield return await MeasureAsync(subject);
    }
}
