using PortForward.Benchmarks.Load;
using PortForward.Benchmarks.Report;

namespace PortForward.Benchmarks.Comparison.Figures;

/// <summary>From the beginning of a connection to the first byte of the answer to its request, one connection after the other.</summary>
internal sealed class NewConnection : MeasuredFigure
{
    private const int Connections = 30;

    public NewConnection(double wanted, TimeSpan roundTrip = default)
        : base($"connect{Far(roundTrip)}", $"new connection to first byte{At(roundTrip)}", "ms", Better.Lower, wanted) => RoundTrip = roundTrip;

    public override async Task<double> MeasureAsync(Subject subject)
    {
        await using var forward = await subject.StartSettledAsync(PodPorts.Http);
        var times = new List<TimeSpan>();
        for (var i = 0; i < Connections; i++)
            times.Add(await HttpRequests.MakeAsync(forward.Port));
        return Statistics.MedianMilliseconds(times);
    }
}
