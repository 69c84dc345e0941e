using System.Text.Json.Nodes;
using System.Xml.Linq;
using PortForward.Benchmarks.Comparison;
using PortForward.Benchmarks.Report;

namespace PortForward.Testing.Tests.Benchmarks;

/// <summary>What is made of measurements.</summary>
public sealed class ReportTests
{
    private static readonly FigureResult Half = new(new Figure("start", "start & <ready>", "ms", Better.Lower, 0.6), [5, 4, 30], [10, 12, 8], ["kubectl failed and was measured again: it ended."]);
    private static readonly FigureResult Slower = new(new Figure("download", "download", "ms", Better.Higher, 1.25), [100, 120], [200, 240], []);
    private static readonly FigureResult Nothing = new(new Figure("upload", "upload", "ms", Better.Higher, 1.25), [100], [], []);

    [Theory]
    [InlineData(new double[] { 3 }, 3, 3, 3)]
    [InlineData(new double[] { 9, 1 }, 5, 1, 9)]
    [InlineData(new double[] { 7, 1, 2 }, 2, 1, 7)]
    [InlineData(new double[] { 4, 3, 2, 1 }, 2.5, 1, 4)]
    public void The_median_is_the_middle_one_or_the_mean_of_the_middle_two(double[] samples, double median, double least, double most) =>
        Statistics.Of(samples).Should().Be(new Statistics(median, least, most));

    [Fact]
    public void Nothing_has_no_median()
    {
        var none = () => Statistics.Of([]);
        none.Should().Throw<ArgumentException>();
    }

    [Fact]
    public void A_ratio_is_judged_in_the_direction_that_is_better()
    {
        (Half.Ratio, Half.TimesBetter, Half.IsReached).Should().Be((0.5, 2, true));
        (Slower.Ratio, Slower.TimesBetter, Slower.IsReached).Should().Be((0.5, 0.5, false));
        (Nothing.HasRatio, Nothing.IsReached).Should().Be((false, false));
    }

    [Theory]
    [InlineData(new double[] { 14, 15, 90 }, true)]
    [InlineData(new double[] { 16 }, false)]
    [InlineData(new double[] { -2 }, true)]
    [InlineData(new double[0], false)]
    public void A_value_is_judged_whatever_the_other_program_has(double[] pf, bool isReached)
    {
        Rested(pf, []).IsReached.Should().Be(isReached);
        Rested(pf, [0]).IsReached.Should().Be(isReached);
        Rested(pf, [1]).HasRatio.Should().BeFalse();
    }

    [Fact]
    public void What_is_wanted_of_a_value_has_its_unit_and_neither_a_ratio_nor_a_bar()
    {
        FigureResult[] results = [Rested([-2.5], [30])];

        ComparisonTable.Render(results).Split('\n')[^1].Split('|', StringSplitOptions.TrimEntries)[1..^1]
            .Should().Equal("memory", "MiB", "30.0", "-2.50", "-", "≤ 15 MiB", "yes");
        var json = JsonNode.Parse(ComparisonJson.Render(results))![0]!;
        json["ratio"].Should().BeNull();
        ((string)json["wantedOf"]!).Should().Be("value");
        XDocument.Parse(ComparisonChart.Render(results)).Descendants().Should().NotContain(element => element.Name.LocalName == "rect");
    }

    [Fact]
    public void The_table_has_a_row_for_each_figure_and_the_notes_below()
    {
        var lines = ComparisonTable.Render([Half, Slower, Nothing]).Split('\n');

        lines.Should().HaveCount(2 + 3 + 1);
        lines[..5].Select(line => line.Length).Distinct().Should().ContainSingle("the columns are lined up");
        lines[2].Split('|', StringSplitOptions.TrimEntries)[1..^1].Should().Equal("start & <ready>", "ms", "10.0 (8.00 to 12.0)", "5.00 (4.00 to 30.0)", "0.50", "≤ 0.60", "yes");
        lines[4].Split('|', StringSplitOptions.TrimEntries)[1..^1].Should().Equal("upload", "ms", "-", "100", "-", "≥ 1.25", "**no**");
        lines[5].Should().Be("* start & <ready>: kubectl failed and was measured again: it ended.");
    }

    [Fact]
    public void The_JSON_has_every_value()
    {
        var all = JsonNode.Parse(ComparisonJson.Render([Half, Nothing]))!.AsArray();

        all.Select(figure => (string)figure!["figure"]!).Should().Equal("start", "upload");
        all[0]!["pf"]!["values"]!.AsArray().Select(value => (double)value!).Should().Equal(5, 4, 30);
        ((double)all[0]!["ratio"]!).Should().Be(0.5);
        all[1]!["kubectl"].Should().BeNull();
    }

    [Fact]
    public void The_chart_is_well_formed_and_its_bars_leave_the_line_in_the_right_direction()
    {
        var chart = XDocument.Parse(ComparisonChart.Render([Half, Slower, Nothing]));

        chart.Root!.Name.LocalName.Should().Be("svg");
        XElement[] bars = [.. chart.Descendants().Where(element => element.Name.LocalName == "rect")];
        var line = (double)chart.Descendants().Single(element => element.Name.LocalName == "line" && (string)element.Attribute("stroke-opacity")! == "1").Attribute("x1")!;
        bars.Should().HaveCount(2, "what could not be measured has none");
        ((double)bars[0].Attribute("x")!).Should().Be(line);
        ((double)bars[1].Attribute("x")! + (double)bars[1].Attribute("width")!).Should().BeApproximately(line, 0.02);
        ((double)bars[0].Attribute("width")!).Should().BeApproximately((double)bars[1].Attribute("width")!, 0.02, "twice as good and half as good are bars of one length");
        chart.Descendants().Select(element => element.Value).Should().Contain("start & <ready>");
    }

    [Fact]
    public void The_chart_has_a_bar_for_everything_that_has_a_ratio()
    {
        Figure[] figures = [.. AllFigures.With(new FigureSettings()).SelectMany(measurement => measurement.Figures)];

        var chart = XDocument.Parse(ComparisonChart.Render([.. figures.Select(figure => new FigureResult(figure, [1], [2], []))]));

        chart.Descendants().Count(element => element.Name.LocalName == "rect").Should().Be(figures.Count(figure => figure.WantedOf == WantedOf.Ratio));
        chart.Descendants().Where(element => (string?)element.Attribute("text-anchor") == "end").Should().OnlyContain(title => title.Value.Length < 66, "the column is not wider");
    }

    [Theory]
    [InlineData("0ms", 0)]
    [InlineData("50ms", 50)]
    public void A_round_trip_is_written_in_milliseconds(string text, int milliseconds) => RoundTripText.Parse(text).TotalMilliseconds.Should().Be(milliseconds);

    [Theory]
    [InlineData("50")]
    [InlineData("ms")]
    [InlineData("-5ms")]
    [InlineData("1s")]
    public void Anything_else_is_none(string text)
    {
        var parsing = () => RoundTripText.Parse(text);
        parsing.Should().Throw<FormatException>().WithMessage($"{text} is no round trip*");
    }

    [Theory]
    [InlineData("500ms", 0.5)]
    [InlineData("0s", 0)]
    [InlineData("20s", 20)]
    [InlineData("5m", 300)]
    public void A_rest_has_a_unit(string text, double seconds) => RestText.Parse(text).TotalSeconds.Should().Be(seconds);

    [Theory]
    [InlineData("20")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("1.5s")]
    [InlineData("1h")]
    public void Anything_else_is_no_rest(string text)
    {
        var parsing = () => RestText.Parse(text);
        parsing.Should().Throw<FormatException>().WithMessage($"{text} is no rest*");
    }

    [Fact]
    public void A_rest_that_is_not_the_usual_one_is_told()
    {
        Titles(new FigureSettings()).Should().Contain("first burst of 6 connections, all answered, 50 ms round trip");
        Titles(new FigureSettings { Rest = TimeSpan.FromSeconds(20) }).Should().Contain("first burst of 6 connections after 20 s, all answered, 50 ms round trip");

        static IEnumerable<string> Titles(FigureSettings settings) =>
            AllFigures.With(settings).SelectMany(measurement => measurement.Figures).Select(figure => figure.Title);
    }

    private static FigureResult Rested(double[] pf, double[] kubectl) => new(new Figure("memory", "memory", "MiB", Better.Lower, 15, WantedOf.Value), pf, kubectl, []);
}
