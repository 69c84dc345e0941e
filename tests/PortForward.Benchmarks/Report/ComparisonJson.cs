using System.Text.Json;
using System.Text.Json.Nodes;
using PortForward.Benchmarks.Comparison;

namespace PortForward.Benchmarks.Report;

/// <summary>The results for other programs, with every single value.</summary>
internal static class ComparisonJson
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Writes an array with one object for each figure.</summary>
    public static string Render(IReadOnlyList<FigureResult> results) => new JsonArray([.. results.Select(Describe)]).ToJsonString(Indented);

    private static JsonObject Describe(FigureResult result) => new()
    {
        ["figure"] = result.Figure.Id,
        ["title"] = result.Figure.Title,
        ["unit"] = result.Figure.Unit,
        ["better"] = result.Figure.Better == Better.Lower ? "lower" : "higher",
        ["roundTripMilliseconds"] = result.Figure.RoundTrip.TotalMilliseconds,
        ["kubectl"] = Values(result.Kubectl),
        ["pf"] = Values(result.Pf),
        ["ratio"] = result.HasRatio ? Math.Round(result.Ratio, 4) : null,
        ["wanted"] = result.Figure.Wanted,
        ["wantedOf"] = result.Figure.WantedOf == WantedOf.Ratio ? "ratio" : "value",
        ["reached"] = result.IsReached,
        ["notes"] = new JsonArray([.. result.Notes.Select(note => JsonValue.Create(note))]),
    };

    private static JsonObject? Values(IReadOnlyList<double> values)
    {
        if (values.Count == 0)
            return null;
        var all = Statistics.Of(values);
        return new JsonObject
        {
            ["median"] = all.Median,
            ["least"] = all.Least,
            ["most"] = all.Most,
            ["values"] = new JsonArray([.. values.Select(value => JsonValue.Create(value))]),
        };
    }
}
