using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison.Figures;

/// <summary>The most memory that is ever resident while a forward does a bit of everything.</summary>
internal sealed class Memory(double wanted)
    : MeasuredFigure("memory", "memory, peak over 60 connections in a row, 400 MB down, 200 MB up, 4 parallel downloads", "MiB", Better.Lower, wanted)
{
    private const int InARow = 60;
    private const long Down = 400_000_000;
    private const long Up = 200_000_000;
    private const int Parallel = 4;
    private const long EachInParallel = 100_000_000;

    public override async Task<double> MeasureAsync(Subject subject)
    {
        await using var forward = await subject.StartSettledAsync(PodPorts.Source, PodPorts.Http);
        var (source, http) = (forward.Ports[0], forward.Ports[1]);
        for (var i = 0; i < InARow; i++)
            await HttpRequests.MakeAsync(http);
        await Transfers.DownloadAsync(source, Down);
        await Transfers.UploadAsync(http, Up);
        await Task.WhenAll(Enumerable.Range(0, Parallel).Select(_ => Transfers.DownloadAsync(source, EachInParallel)));
        return forward.PeakMemory / 1024.0 / 1024.0;
    }
}
