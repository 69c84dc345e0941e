using System.Diagnostics;
using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison.Figures;

/// <summary>How fast bytes come from the pod, on one connection or on several together.</summary>
internal sealed class Download(double wanted, int connections)
    : MeasuredFigure(connections == 1 ? "download" : $"download-{connections}", connections == 1 ? "download, one connection" : $"download, {connections} connections", "MB/s", Better.Higher, wanted)
{
    private const long Size = 400_000_000;

    public override async Task<double> MeasureAsync(Subject subject)
    {
        await using var forward = await subject.StartSettledAsync(PodPorts.Source);
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => Transfers.DownloadAsync(forward.Port, Size / connections)));
        return Size / 1e6 / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }
}
