using PortForward.Benchmarks.Load;
using PortForward.Benchmarks.Report;

namespace PortForward.Benchmarks.Comparison.Figures;

/// <summary>A small message to the application and back, on a connection that is open.</summary>
internal sealed class MessageRoundTrip(double wanted) : MeasuredFigure("echo", "round trip of 64 bytes on an open connection", "ms", Better.Lower, wanted)
{
    private const int WarmUp = 200;
    private const int Messages = 3000;

    public override async Task<double> MeasureAsync(Subject subject)
    {
        await using var forward = await subject.StartSettledAsync(PodPorts.Echo);
        return Statistics.MedianMilliseconds((await Echo.RoundTripsAsync(forward.Port, WarmUp + Messages)).Skip(WarmUp));
    }
}
