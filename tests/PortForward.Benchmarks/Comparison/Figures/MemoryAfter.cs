using System.Globalization;
using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison.Figures;

/// <summary>The memory that is resident right after some work, and how much of it is left after a rest: above that at the start.</summary>
internal sealed class MemoryAfter : IMeasurement
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(60);

    /// <summary>How many clients make the requests of a burst, one phase after the other.</summary>
    private static readonly int[] BurstClients = [1, 20, 100];

    /// <summary>As many in each phase, whichever program is faster: divisible by each number of clients.</summary>
    private const int RequestsInPhase = 1400;

    private readonly Func<int, Task> _work;

    private MemoryAfter(string id, string title, double wanted, double wantedRested, Func<int, Task> work)
    {
        Figures =
        [
            new Figure($"memory-after-{id}", $"memory after {title}", "MiB", Better.Lower, wanted),
            new Figure(
                $"memory-after-{id}-rested", $"memory {Rest.TotalSeconds:0} s after {title}, above that at the start", "MiB", Better.Lower, wantedRested, WantedOf.Value),
        ];
        _work = work;
    }

    public IReadOnlyList<Figure> Figures { get; }

    /// <summary>After requests of few and of many clients, each on a connection of its own.</summary>
    /// <param name="wanted">The ratio that is wanted right after.</param>
    /// <param name="wantedRested">The MiB that are wanted after the rest.</param>
    public static MemoryAfter Burst(double wanted, double wantedRested) =>
        new("burst", $"{Count(RequestsInPhase * BurstClients.Length)} requests of 1, 20 and 100 clients", wanted, wantedRested, async port =>
        {
            foreach (var clients in BurstClients)
                await HttpRequests.MakeManyAsync(port, clients, RequestsInPhase / clients);
        });

    /// <summary>After many short connections, one after the other.</summary>
    /// <param name="wanted">The ratio that is wanted right after.</param>
    /// <param name="wantedRested">The MiB that are wanted after the rest.</param>
    /// <param name="count">How many.</param>
    public static MemoryAfter Many(double wanted, double wantedRested, int count) =>
        new("many", $"{Count(count)} connections in a row", wanted, wantedRested, port => HttpRequests.MakeManyAsync(port, clients: 1, count));

    public async IAsyncEnumerable<double> MeasureAsync(Subject subject)
    {
        await using var forward = await subject.StartAsync(PodPorts.Http);
        var atStart = forward.Memory;
        await _work(forward.Port);
        yield return MiB(forward.Memory);

        await Task.Delay(Rest);
        var rested = forward.Memory;

        // Memory that was given back by a forward that is dead does not count.
        await HttpRequests.MakeAsync(forward.Port);
        yield return MiB(rested - atStart);
    }

    private static string Count(int count) => count.ToString("N0", CultureInfo.InvariantCulture);

    private static double MiB(long bytes) => bytes / 1024.0 / 1024.0;
}
