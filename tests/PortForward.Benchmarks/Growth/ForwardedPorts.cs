using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Growth;

/// <summary>Ports that one program forwards.</summary>
internal sealed class ForwardedPorts : GrowthTable
{
    public override string Id => "ports";

    public override string Title => "Forwarded ports";

    public override string StepHead => "ports";

    public override IReadOnlyList<string> Heads => ["start to ready, ms", "idle, MiB", "first answer on the last port, ms", "after one request on each port, MiB"];

    public override IReadOnlyList<int> Steps => [1, 10, 50];

    public override async Task<IReadOnlyList<double>> MeasureAsync(Subject subject, int step)
    {
        await using var forward = await subject.StartSettledAsync([.. Enumerable.Repeat(PodPorts.Http, step)]);
        var idle = forward.Memory;
        var answer = await HttpRequests.MakeAsync(forward.Ports[^1]);
        foreach (var port in forward.Ports)
            await HttpRequests.MakeAsync(port);
        return [forward.StartTime.TotalMilliseconds, MiB(idle), answer.TotalMilliseconds, MiB(forward.Memory)];
    }
}
