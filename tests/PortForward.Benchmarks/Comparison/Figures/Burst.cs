using System.Diagnostics;
using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison.Figures;

/// <summary>Connections all at once on a forward that has served none before, until each has its answer: what a browser does with a page.</summary>
internal sealed class Burst : Figure
{
    private const int Connections = 30;

    public Burst(double wanted, TimeSpan roundTrip)
        : base($"burst{Far(roundTrip)}", $"burst of {Connections} connections, all answered{At(roundTrip)}", "ms", Better.Lower, wanted) => RoundTrip = roundTrip;

    public override async Task<double> MeasureAsync(Subject subject)
    {
        await using var forward = await subject.StartSettledAsync(PodPorts.Http);
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => HttpRequests.MakeAsync(forward.Port)));
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }
}
