using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison;

/// <summary>Measurements of which some figures are wanted.</summary>
internal static class MeasurementExtensions
{
    /// <summary>Measures once, until the last value is known that is wanted.</summary>
    /// <param name="measurement">What.</param>
    /// <param name="subject">Of which program.</param>
    /// <param name="wanted">The figures, in their order; at least one.</param>
    public static async Task<IReadOnlyList<(Figure Figure, double Value)>> MeasureAsync(this IMeasurement measurement, Subject subject, IReadOnlyList<Figure> wanted)
    {
        var values = new List<(Figure Figure, double Value)>();
        var position = 0;
        await foreach (var value in measurement.MeasureAsync(subject))
        {
            var figure = measurement.Figures[position++];
            if (wanted.Contains(figure))
                values.Add((figure, value));
            if (figure == wanted[^1])
                break;
        }

        return values;
    }
}
