using PortForward.Benchmarks.Load;
using PortForward.Benchmarks.Report;

namespace PortForward.Benchmarks.Comparison.Figures;

/// <summary>From the start of the program to the first connection that it accepts.</summary>
internal sealed class StartTime : MeasuredFigure
{
    private const int Starts = 5;

    public StartTime(double wanted, TimeSpan roundTrip = default)
        : base($"start{Far(roundTrip)}", $"start to ready{At(roundTrip)}", "ms", Better.Lower, wanted) => RoundTrip = roundTrip;

    public override async Task<double> MeasureAsync(Subject subject)
    {
        var times = new List<TimeSpan>();
        for (var i = 0; i < Starts; i++)
        {
            await using var forward = await subject.StartAsync(PodPorts.Http);
            times.Add(forward.StartTime);
        }

        return Statistics.MedianMilliseconds(times);
    }
}
