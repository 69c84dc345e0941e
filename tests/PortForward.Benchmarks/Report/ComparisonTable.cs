using System.Text;
using PortForward.Benchmarks.Comparison;

namespace PortForward.Benchmarks.Report;

/// <summary>The results as a Markdown table, which reads well as it is too.</summary>
internal static class ComparisonTable
{
    private static readonly string[] Heads = ["figure", "unit", "kubectl (least to most)", "pf (least to most)", "pf / kubectl", "wanted", "reached"];

    /// <summary>Writes the table, and the notes below it.</summary>
    public static string Render(IReadOnlyList<FigureResult> results)
    {
        var text = new StringBuilder(MarkdownTable.Render(Heads, [.. results.Select(Row)]));
        foreach (var result in results)
        {
            foreach (var note in result.Notes)
                text.Append($"\n* {result.Figure.Title}: {note}");
        }

        return text.ToString();
    }

    /// <summary>A number with as many digits as matter.</summary>
    public static string Number(double value) => Math.Abs(value) switch
    {
        >= 100 => $"{value:0}",
        >= 10 => $"{value:0.0}",
        >= 1 => $"{value:0.00}",
        _ => $"{value:0.000}",
    };

    private static string[] Row(FigureResult result) =>
    [
        result.Figure.Title,
        result.Figure.Unit,
        Values(result.Kubectl),
        Values(result.Pf),
        result.HasRatio ? $"{result.Ratio:0.00}" : "-",
        Wanted(result.Figure),
        result.IsReached ? "yes" : "**no**",
    ];

    private static string Wanted(Figure figure) =>
        (figure.Better == Better.Lower ? "≤ " : "≥ ") + (figure.WantedOf == WantedOf.Ratio ? $"{figure.Wanted:0.00}" : $"{figure.Wanted:0.##} {figure.Unit}");

    private static string Values(IReadOnlyList<double> values)
    {
        if (values.Count == 0)
            return "-";
        var all = Statistics.Of(values);
        return values.Count == 1 ? Number(all.Median) : $"{Number(all.Median)} ({Number(all.Least)} to {Number(all.Most)})";
    }
}
