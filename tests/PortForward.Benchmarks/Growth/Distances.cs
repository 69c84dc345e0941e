using System.Diagnostics;
using PortForward.Benchmarks.Load;
using PortForward.Benchmarks.Report;

namespace PortForward.Benchmarks.Growth;

/// <summary>Round trips to the server.</summary>
internal sealed class Distances : GrowthTable
{
    private const int InARow = 10;
    private const int AtOnce = 30;
    private const long Size = 200_000_000;

    public override string Id => "distance";

    public override string Title => "Round trip to the server";

    public override string StepHead => "added round trip, ms";

    public override IReadOnlyList<string> Heads =>
        ["start to ready, ms", "new connection to first byte, ms", $"burst of {AtOnce}, all answered, ms", "download, MB/s", "processors busy meanwhile", "upload, MB/s"];

    public override IReadOnlyList<int> Steps => [0, 10, 50, 200];

    public override TimeSpan RoundTrip(int step) => TimeSpan.FromMilliseconds(step);

    public override async Task<IReadOnlyList<double>> MeasureAsync(Subject subject, int step)
    {
        await using var forward = await subject.StartSettledAsync(PodPorts.Http, PodPorts.Source);
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => HttpRequests.MakeAsync(forward.Port)));
        var burst = Stopwatch.GetElapsedTime(began);

        var times = new List<TimeSpan>();
        for (var i = 0; i < InARow; i++)
            times.Add(await HttpRequests.MakeAsync(forward.Port));

        var before = forward.ProcessorTime;
        var download = await Transfers.DownloadAsync(forward.Ports[1], Size);
        var processors = (forward.ProcessorTime - before) / download;
        var upload = await Transfers.UploadAsync(forward.Port, Size);
        return
        [
            forward.StartTime.TotalMilliseconds, Statistics.MedianMilliseconds(times), burst.TotalMilliseconds,
            Size / 1e6 / download.TotalSeconds, processors, Size / 1e6 / upload.TotalSeconds,
        ];
    }
}
