using System.Net.Sockets;
using PortForward.Benchmarks.Clusters;
using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison;

/// <summary>Measures figures of both programs alternately, so that whatever else the machine does meets both alike.</summary>
/// <param name="surroundings">Where.</param>
/// <param name="pf">One program.</param>
/// <param name="kubectl">The other one.</param>
/// <param name="target">What both forward to.</param>
/// <param name="log">Is told what is going on.</param>
internal sealed class ComparisonRun(Surroundings surroundings, ForwardProgram pf, ForwardProgram kubectl, string target, TextWriter log)
{
    /// <summary>How often a measurement is tried whose forward fails.</summary>
    private const int MaxTries = 4;

    private readonly HashSet<(ForwardProgram Program, TimeSpan RoundTrip)> _warm = [];

    /// <summary>Measures.</summary>
    /// <param name="measurement">What.</param>
    /// <param name="wanted">Which of its figures; for none of them nothing is done.</param>
    /// <param name="runs">How often, for each program.</param>
    public async Task<IReadOnlyList<FigureResult>> MeasureAsync(IMeasurement measurement, IReadOnlyList<Figure> wanted, int runs)
    {
        if (wanted.Count == 0)
            return [];

        var notes = new List<string>();
        var results = wanted.ToDictionary(figure => figure, _ => new Dictionary<ForwardProgram, List<double>> { [kubectl] = [], [pf] = [] });
        await WarmUpAsync(wanted[0].RoundTrip);
        for (var run = 1; run <= runs; run++)
        {
            foreach (var program in (ForwardProgram[])[kubectl, pf])
            {
                foreach (var (figure, value) in await TryMeasureAsync(measurement, wanted, program, notes))
                {
                    results[figure][program].Add(value);
                    await log.WriteLineAsync($"{figure.Id}, run {run}, {program.Name}: {value:0.###} {figure.Unit}");
                }
            }
        }

        string[] told = [.. notes.GroupBy(note => note, StringComparer.Ordinal).Select(Describe)];
        return [.. wanted.Select(figure => new FigureResult(figure, results[figure][pf], results[figure][kubectl], told))];
    }

    private static string Describe(IGrouping<string, string> same) => same.Count() == 1 ? same.Key : $"{same.Key} ({same.Count()} times)";

    /// <summary>Both programs start once unmeasured: kubectl keeps on disk what the API server can do, and both files come into memory.</summary>
    private async Task WarmUpAsync(TimeSpan roundTrip)
    {
        foreach (var program in (ForwardProgram[])[kubectl, pf])
        {
            if (_warm.Add((program, roundTrip)))
            {
                await using var forward = await (await SubjectAsync(program, roundTrip)).StartAsync(PodPorts.Http);
                await HttpRequests.MakeAsync(forward.Port);
            }
        }
    }

    /// <summary>Measures once, from the beginning again when the forward fails: that kubectl ends over one bad connection is known.</summary>
    private async Task<IReadOnlyList<(Figure Figure, double Value)>> TryMeasureAsync(
        IMeasurement measurement, IReadOnlyList<Figure> wanted, ForwardProgram program, List<string> notes)
    {
        var subject = await SubjectAsync(program, wanted[0].RoundTrip);
        for (var tries = 0; tries < MaxTries; tries++)
        {
            try
            {
                return await measurement.MeasureAsync(subject, wanted);
            }
            catch (Exception e) when (e is ForwardFailedException or SocketException)
            {
                await log.WriteLineAsync($"{wanted[0].Id}, {program.Name}: {e.Message}");
                notes.Add($"{program.Name} failed and was measured again: {e.Message.Trim()}");
            }
        }

        notes.Add($"{program.Name} could not be measured in a run.");
        return [];
    }

    private async Task<Subject> SubjectAsync(ForwardProgram program, TimeSpan roundTrip) =>
        new(program, await surroundings.KubeconfigAsync(roundTrip), target, roundTrip);
}
