using System.CommandLine;
using System.Net.Sockets;
using PortForward.Benchmarks.Clusters;
using PortForward.Benchmarks.Comparison;
using PortForward.Benchmarks.Load;
using PortForward.Benchmarks.Report;

namespace PortForward.Benchmarks.Growth;

/// <summary>The subcommand <c>growth</c>: how cost grows, as Markdown for docs/performance.md.</summary>
internal static class GrowthCommand
{
    private const int MaxTries = 3;

    private static readonly GrowthTable[] Tables = [new OpenConnections(), new ForwardedPorts(), new Distances(), new ParallelDownloads()];

    public static Command Create()
    {
        var options = new SubjectOptions();
        var only = new Option<string[]>("--only") { Description = $"The tables to make: {string.Join(", ", Tables.Select(table => table.Id))}", AllowMultipleArgumentsPerToken = true };
        only.AcceptOnlyFromAmong([.. Tables.Select(table => table.Id)]);
        var command = new Command("growth", "Measures how cost grows, and prints tables in Markdown") { only };
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var chosen = parsed.GetValue(only) ?? [];
            var subject = options.Read(parsed);
            using var surroundings = await Surroundings.CreateAsync(subject.Embedded, subject.Kubectl.Path);
            foreach (var table in Tables.Where(table => chosen.Length == 0 || chosen.Contains(table.Id, StringComparer.Ordinal)))
                Console.WriteLine(await MeasureAsync(table, surroundings, [subject.Kubectl, subject.Pf], subject.Target));
            return 0;
        });
        return command;
    }

    private static async Task<string> MeasureAsync(GrowthTable table, Surroundings surroundings, ForwardProgram[] programs, string target)
    {
        var cells = new List<IReadOnlyList<string>>();
        var ofPf = new List<(int Step, IReadOnlyList<double> Values)>();
        foreach (var step in table.Steps)
        {
            var roundTrip = table.RoundTrip(step);
            foreach (var program in programs)
            {
                var subject = new Subject(program, await surroundings.KubeconfigAsync(roundTrip), target, roundTrip);
                var values = await TryMeasureAsync(table, subject, step);
                cells.Add([$"{step}", program.Name, .. values?.Select(ComparisonTable.Number) ?? table.Heads.Select(_ => "-")]);
                if (values is not null && program.Name == "pf")
                    ofPf.Add((step, values));
            }
        }

        var conclusion = table.Conclude(ofPf);
        return $"### {table.Title}\n\n{MarkdownTable.Render([table.StepHead, "program", .. table.Heads], cells)}\n{(conclusion is null ? "" : $"\n{conclusion}\n")}";
    }

    private static async Task<IReadOnlyList<double>?> TryMeasureAsync(GrowthTable table, Subject subject, int step)
    {
        // kubectl's first start at an address asks the server what it can do, and keeps that on disk: the second one is the usual one.
        await using (await subject.StartAsync(PodPorts.Http))
        {
        }

        for (var tries = 0; tries < MaxTries; tries++)
        {
            try
            {
                await Console.Error.WriteLineAsync($"{table.Id} {step}, {subject.Program.Name}");
                return await table.MeasureAsync(subject, step);
            }
            catch (Exception e) when (e is ForwardFailedException or SocketException)
            {
                await Console.Error.WriteLineAsync($"{table.Id} {step}, {subject.Program.Name}: {e.Message}");
            }
        }

        return null;
    }
}
