using System.CommandLine;
using PortForward.Benchmarks.Clusters;
using PortForward.Benchmarks.Report;

namespace PortForward.Benchmarks.Comparison;

/// <summary>The subcommand <c>compare</c>: every figure of both programs, as a table and in files.</summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        var options = new SubjectOptions();
        var runs = new Option<int>("--runs") { Description = "How often each figure is measured for each program", DefaultValueFactory = _ => 3 };
        var delay = new Option<string>("--delay") { Description = "The round trip of the figures that are measured from far away", DefaultValueFactory = _ => "50ms" };
        var rest = new Option<string>("--rest") { Description = "How long a forward that has served nothing rests before its first burst", DefaultValueFactory = _ => "1s" };
        var many = new Option<int>("--many") { Description = "How many connections in a row are made before memory-after-many", DefaultValueFactory = _ => 30_000 };
        var only = new Option<string[]>("--only") { Description = "The figures to measure, by their ids", AllowMultipleArgumentsPerToken = true };
        var json = new Option<FileInfo?>("--json") { Description = "Where to write the results as JSON" };
        var svg = new Option<FileInfo?>("--svg") { Description = "Where to write the chart" };
        var command = new Command("compare", "Measures pf and kubectl alternately, and prints a table") { runs, delay, rest, many, only, json, svg };
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var measurements = AllFigures.With(new FigureSettings
            {
                Far = RoundTripText.Parse(parsed.GetValue(delay)!),
                Rest = RestText.Parse(parsed.GetValue(rest)!),
                Many = parsed.GetValue(many),
            });
            var figures = Choose([.. measurements.SelectMany(measurement => measurement.Figures)], parsed.GetValue(only) ?? []);
            var subject = options.Read(parsed);
            using var surroundings = await Surroundings.CreateAsync(subject.Embedded, subject.Kubectl.Path);
            var run = new ComparisonRun(surroundings, subject.Pf, subject.Kubectl, subject.Target, Console.Error);
            var results = new List<FigureResult>();
            foreach (var measurement in measurements)
                results.AddRange(await run.MeasureAsync(measurement, [.. measurement.Figures.Where(figures.Contains)], parsed.GetValue(runs)));

            Console.WriteLine(ComparisonTable.Render(results));
            Write(parsed.GetValue(json), ComparisonJson.Render(results));
            Write(parsed.GetValue(svg), ComparisonChart.Render(results));
            return 0;
        });
        return command;
    }

    private static IReadOnlyList<Figure> Choose(IReadOnlyList<Figure> all, string[] ids)
    {
        string[] wanted = [.. ids.SelectMany(id => id.Split(',', StringSplitOptions.RemoveEmptyEntries))];
        if (wanted.Except(all.Select(figure => figure.Id), StringComparer.Ordinal).FirstOrDefault() is { } unknown)
            throw new FormatException($"{unknown} is no figure; there are {string.Join(", ", all.Select(figure => figure.Id))}.");
        return wanted.Length == 0 ? all : [.. all.Where(figure => wanted.Contains(figure.Id, StringComparer.Ordinal))];
    }

    private static void Write(FileInfo? file, string text)
    {
        if (file is not null)
            File.WriteAllText(file.FullName, text + "\n");
    }
}
