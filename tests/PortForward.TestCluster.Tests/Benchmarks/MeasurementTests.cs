using PortForward.Benchmarks.Comparison;
using PortForward.Benchmarks.Load;

namespace PortForward.Testing.Tests.Benchmarks;

/// <summary>Measurements that give several figures.</summary>
public sealed class MeasurementTests
{
    private static readonly Subject Nothing = new(ForwardProgram.Pf("pf"), "", "", TimeSpan.Zero);

    [Theory]
    [InlineData(new[] { 0 }, new double[] { 1 }, 1)]
    [InlineData(new[] { 1 }, new double[] { 2 }, 2)]
    [InlineData(new[] { 0, 2 }, new double[] { 1, 3 }, 3)]
    public async Task A_measurement_ends_with_the_last_value_that_is_wanted(int[] wanted, double[] values, int measured)
    {
        var measurement = new Counting();

        var found = await measurement.MeasureAsync(Nothing, [.. wanted.Select(index => measurement.Figures[index])]);

        found.Should().Equal(wanted.Zip(values, (index, value) => (measurement.Figures[index], value)));
        (measurement.Measured, measurement.HasEnded).Should().Be((measured, true));
    }

    [Fact]
    public async Task A_figure_that_is_all_of_its_measurement_gives_its_value()
    {
        var figure = new Seven();

        (await figure.MeasureAsync(Nothing, [figure])).Should().Equal((figure, 7));
    }

    private sealed class Counting : IMeasurement
    {
        public IReadOnlyList<Figure> Figures { get; } = [.. "abc".Select(id => new Figure($"{id}", "", "", Better.Lower, 1))];

        public int Measured { get; private set; }

        public bool HasEnded { get; private set; }

        public async IAsyncEnumerable<double> MeasureAsync(Subject subject)
        {
            try
            {
                while (Measured < Figures.Count)
                    yield return await Task.FromResult(++Measured);
            }
            finally
            {
                HasEnded = true;
            }
        }
    }

    private sealed class Seven() : MeasuredFigure("seven", "", "", Better.Lower, 1)
    {
        public override Task<double> MeasureAsync(Subject subject) => Task.FromResult(7.0);
    }
}
