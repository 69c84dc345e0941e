using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison.Figures;

/// <summary>How fast bytes go to the pod, until the application has them all.</summary>
internal sealed class Upload(double wanted) : MeasuredFigure("upload", "upload, one connection", "MB/s", Better.Higher, wanted)
{
    private const long Size = 200_000_000;

    public override async Task<double> MeasureAsync(Subject subject)
    {
        await using var forward = await subject.StartSettledAsync(PodPorts.Http);
        return Size / 1e6 / (await Transfers.UploadAsync(forward.Port, Size)).TotalSeconds;
    }
}
