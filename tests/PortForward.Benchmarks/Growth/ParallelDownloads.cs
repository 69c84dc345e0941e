using System.Diagnostics;
using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Growth;

/// <summary>Downloads side by side, and how much of it is the client's own work.</summary>
internal sealed class ParallelDownloads : GrowthTable
{
    private const long Size = 400_000_000;

    /// <summary>A download is one thing after the other, so a client that holds it up works nearly all of the time: more than this.</summary>
    private const double NearlyAllOfTheTime = 0.8;

    public override string Id => "downloads";

    public override string Title => "Downloads side by side";

    public override string StepHead => "downloads";

    public override IReadOnlyList<string> Heads => ["together, MB/s", "processors that the client keeps busy", "of them for each download", "most memory, MiB"];

    public override IReadOnlyList<int> Steps => [1, 2, 4, 8, 16];

    public override async Task<IReadOnlyList<double>> MeasureAsync(Subject subject, int step)
    {
        await using var forward = await subject.StartSettledAsync(PodPorts.Source);
        var before = forward.ProcessorTime;
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, step).Select(_ => Transfers.DownloadAsync(forward.Port, Size / step)));
        var elapsed = Stopwatch.GetElapsedTime(began);
        var processors = (forward.ProcessorTime - before) / elapsed;
        return [Size / 1e6 / elapsed.TotalSeconds, processors, processors / step, MiB(forward.PeakMemory)];
    }

    public override string Conclude(IReadOnlyList<(int Step, IReadOnlyList<double> Values)> rows)
    {
        var found = rows.FirstOrDefault(row => row.Values[2] < NearlyAllOfTheTime);
        return found.Values is null
            ? $"pf kept more than {NearlyAllOfTheTime} of a processor busy for each download at every step: here it is the limit."
            : $"With {found.Step} download{(found.Step == 1 ? "" : "s")} and more, pf keeps less than {NearlyAllOfTheTime} of a processor busy for each: it waits for the others on the way, and is not the limit.";
    }
}
