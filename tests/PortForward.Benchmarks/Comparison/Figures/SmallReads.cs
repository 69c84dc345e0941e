using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison.Figures;

/// <summary>What one long download costs a program whose client takes little at a time, as many a client does.</summary>
internal sealed class SmallReads(double wanted)
    : MeasuredFigure("processor-small-reads", "processor time per GB, read in pieces of 64 KiB", "s", Better.Lower, wanted)
{
    private const long Size = 400_000_000;
    private const int ReadSize = 64 * 1024;

    public override async Task<double> MeasureAsync(Subject subject)
    {
        await using var forward = await subject.StartSettledAsync(PodPorts.Source);
        var before = forward.ProcessorTime;
        await Transfers.DownloadAsync(forward.Port, Size, ReadSize);
        return (forward.ProcessorTime - before).TotalSeconds * 1e9 / Size;
    }
}
