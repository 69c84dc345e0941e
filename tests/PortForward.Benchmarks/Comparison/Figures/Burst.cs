using System.Diagnostics;
using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison.Figures;

/// <summary>Connections all at once, until each has its answer: what a browser does with a page.</summary>
internal sealed class Burst : MeasuredFigure
{
    private const int UsualConnections = 30;

    private readonly int _connections;
    private readonly bool _again;
    private readonly TimeSpan _rest;

    /// <summary>Creates the figure.</summary>
    /// <param name="wanted">The ratio that is wanted.</param>
    /// <param name="settings">How far away the server is, and how long a forward rests before the first burst.</param>
    /// <param name="connections">How many connections.</param>
    /// <param name="again">Whether the forward has served such a burst before, as when a page is loaded once more; else it has served nothing.</param>
    public Burst(double wanted, FigureSettings settings, int connections = UsualConnections, bool again = false)
        : base(
            $"burst{(connections == UsualConnections ? "" : $"-{connections}")}{(again ? "-again" : "")}{Far(settings.Far)}",
            $"{(again ? "next" : "first")} burst of {connections} connections{(again ? "" : After(settings.Rest))}, all answered{At(settings.Far)}",
            "ms",
            Better.Lower,
            wanted)
    {
        RoundTrip = settings.Far;
        _connections = connections;
        _again = again;
        _rest = settings.Rest;
    }

    public override async Task<double> MeasureAsync(Subject subject)
    {
        await using var forward = await subject.StartAsync(PodPorts.Http);
        if (_again)
        {
            await subject.SettleAsync();
            await BurstAsync(forward);
            await subject.SettleAsync();
        }
        else
        {
            await Task.Delay(_rest);
        }

        var began = Stopwatch.GetTimestamp();
        await BurstAsync(forward);
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }

    private static string After(TimeSpan rest) => rest == FigureSettings.UsualRest ? "" : $" after {rest.TotalSeconds:0.###} s";

    private Task<TimeSpan[]> BurstAsync(ForwardProcess forward) =>
        Task.WhenAll(Enumerable.Range(0, _connections).Select(_ => HttpRequests.MakeAsync(forward.Port)));
}
