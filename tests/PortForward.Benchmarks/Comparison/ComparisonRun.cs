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

    /// <summary>Measures one figure.</summary>
    /// <param name="figure">What.</param>
    /// <param name="runs">How often, for each program.</param>
    public async Task<FigureResult> MeasureAsync(Figure figure, int runs)
    {
        var notes = new List<string>();
        var values = new Dictionary<ForwardProgram, List<double>> { [kubectl] = [], [pf] = [] };
        await WarmUpAsync(figure.RoundTrip);
        for (var run = 1; run <= runs; run++)
        {
            foreach (var program in (ForwardProgram[])[kubectl, pf])
            {
                if (await TryMeasureAsync(figure, program, notes) is not { } value)
                    continue;
                values[program].Add(value);
                await log.WriteLineAsync($"{figure.Id}, run {run}, {program.Name}: {value:0.###} {figure.Unit}");
            }
        }

        return new FigureResult(figure, values[pf], values[kubectl], [.. notes.GroupBy(note => note, StringComparer.Ordinal).Select(Describe)]);
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
    private async Task<double?> TryMeasureAsync(Figure figure, ForwardProgram program, List<string> notes)
    {
        var subject = await SubjectAsync(program, figure.RoundTrip);
        for (var tries = 0; tries < MaxTries; tries++)
        {
            try
            {
                return await figure.MeasureAsync(subject);
            }
            catch (Exception e) when (e is ForwardFailedException or SocketException)
            {
                await log.WriteLineAsync($"{figure.Id}, {program.Name}: {e.Message}");
                notes.Add($"{program.Name} failed and was measured again: {e.Message.Trim()}");
            }
        }

        notes.Add($"{program.Name} could not be measured in a run.");
        return null;
    }

    private async Task<Subject> SubjectAsync(ForwardProgram program, TimeSpan roundTrip) =>
        new(program, await surroundings.KubeconfigAsync(roundTrip), target, roundTrip);
}
