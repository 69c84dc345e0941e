using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison.Figures;

/// <summary>What carrying bytes costs the client: two parts down, one part up.</summary>
internal sealed class ProcessorTime(double wanted) : MeasuredFigure("processor", "processor time of the client per GB", "s", Better.Lower, wanted)
{
    private const long Down = 400_000_000;
    private const long Up = 200_000_000;

    public override async Task<double> MeasureAsync(Subject subject)
    {
        await using var forward = await subject.StartSettledAsync(PodPorts.Source, PodPorts.Http);
        var before = forward.ProcessorTime;
        await Transfers.DownloadAsync(forward.Ports[0], Down);
        await Transfers.UploadAsync(forward.Ports[1], Up);
        return (forward.ProcessorTime - before).TotalSeconds * 1e9 / (Down + Up);
    }
}
