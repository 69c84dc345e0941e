using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison.Figures;

/// <summary>HTTP requests, each on a connection of its own, by clients that each make one after the other.</summary>
internal sealed class HttpRate(double wanted, int clients)
    : MeasuredFigure($"http-{clients}", $"HTTP requests on connections of their own, {clients} client{(clients == 1 ? "" : "s")}", "per second", Better.Higher, wanted)
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(4);

    public override async Task<double> MeasureAsync(Subject subject)
    {
        await using var forward = await subject.StartSettledAsync(PodPorts.Http);
        await HttpRequests.RateAsync(forward.Port, clients, WarmUp);
        return await HttpRequests.RateAsync(forward.Port, clients, Duration);
    }
}
