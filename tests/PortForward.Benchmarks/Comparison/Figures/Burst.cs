using System.Diagnostics;
using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison.Figures;

/// <summary>Connections all at once, until each has its answer: what a browser does with a page.</summary>
internal sealed class Burst : MeasuredFigure
{
    private const int Connections = 30;
    private readonly bool _again;

    /// <summary>Creates the figure.</summary>
    /// <param name="wanted">The ratio that is wanted.</param>
    /// <param name="roundTrip">How far away the server is.</param>
    /// <param name="again">Whether the forward has served such a burst before, as when a page is loaded once more; else it has served nothing.</param>
    public Burst(double wanted, TimeSpan roundTrip, bool again)
        : base(
            $"burst{(again ? "-again" : "")}{Far(roundTrip)}",
            $"{(again ? "next" : "first")} burst of {Connections} connections, all answered{At(roundTrip)}",
            "ms",
            Better.Lower,
            wanted)
    {
        RoundTrip = roundTrip;
        _again = again;
    }

    public override async Task<double> MeasureAsync(Subject subject)
    {
        await using var forward = await subject.StartSettledAsync(PodPorts.Http);
        if (_again)
        {
            await BurstAsync(forward);
            await subject.SettleAsync();
        }

        var began = Stopwatch.GetTimestamp();
        await BurstAsync(forward);
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }

    private static Task<TimeSpan[]> BurstAsync(ForwardProcess forward) =>
        Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => HttpRequests.MakeAsync(forward.Port)));
}
