using System.Globalization;
using System.Xml.Linq;
using PortForward.Benchmarks.Comparison;

namespace PortForward.Benchmarks.Report;

/// <summary>The results as an SVG: a bar for each figure with a ratio, to the right of the line at 1.0 where pf is better, to its left where kubectl is.</summary>
/// <remarks>The scale is logarithmic, so that twice as good and half as good are bars of one length. The colours are readable on white and on black.</remarks>
internal static class ComparisonChart
{
    private const int TitleWidth = 400;
    private const int PlotWidth = 340;
    private const int LabelWidth = 260;
    private const int RowHeight = 26;
    private const int BarHeight = 14;
    private const int HeadHeight = 44;
    private const int FootHeight = 12;

    private const string Ink = "#7d8590";
    private const string PfIsBetter = "#2da44e";
    private const string KubectlIsBetter = "#d9730d";

    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    /// <summary>Draws the chart.</summary>
    public static string Render(IReadOnlyList<FigureResult> results)
    {
        FigureResult[] shown = [.. results.Where(result => result.HasRatio)];
        var scale = Scale.For(shown.Select(result => result.TimesBetter));
        var height = HeadHeight + (shown.Length * RowHeight) + FootHeight;
        const int Width = TitleWidth + PlotWidth + LabelWidth;
        var root = new XElement(
            Svg + "svg",
            new XAttribute("viewBox", $"0 0 {Width} {height}"),
            new XAttribute("width", Width),
            new XAttribute("height", height),
            new XAttribute("role", "img"),
            new XAttribute("font-family", "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"),
            new XAttribute("font-size", 12),
            new XElement(Svg + "title", "How many times better than kubectl pf is, figure by figure"),
            scale.Ticks.Select(tick => Tick(scale, tick, height)),
            shown.Select((result, row) => Bar(scale, result, HeadHeight + (row * RowHeight))));
        return new XDocument(root).ToString();
    }

    private static IEnumerable<XElement> Tick(Scale scale, double value, int height)
    {
        var isKubectl = value == 1;
        var x = Invariant(TitleWidth + scale.Position(value));
        yield return new XElement(
            Svg + "line",
            new XAttribute("x1", x),
            new XAttribute("x2", x),
            new XAttribute("y1", HeadHeight - 6),
            new XAttribute("y2", height - FootHeight),
            new XAttribute("stroke", Ink),
            new XAttribute("stroke-opacity", isKubectl ? 1 : 0.3),
            new XAttribute("stroke-width", isKubectl ? 1.5 : 1));
        yield return Text(isKubectl ? "kubectl = 1.0" : $"{Invariant(value)}×", x, HeadHeight - 14, "middle", isKubectl);
    }

    private static IEnumerable<XElement> Bar(Scale scale, FigureResult result, int top)
    {
        var (one, end) = (TitleWidth + scale.Position(1), TitleWidth + scale.Position(result.TimesBetter));
        var baseline = top + (RowHeight / 2) + 4;
        yield return Text(ShortTitle(result.Figure), Invariant(TitleWidth - 12), baseline, "end", isBold: false);
        yield return new XElement(
            Svg + "rect",
            new XAttribute("x", Invariant(Math.Min(one, end))),
            new XAttribute("y", top + ((RowHeight - BarHeight) / 2)),
            new XAttribute("width", Invariant(Math.Max(1, Math.Abs(end - one)))),
            new XAttribute("height", BarHeight),
            new XAttribute("rx", 2),
            new XAttribute("fill", result.TimesBetter >= 1 ? PfIsBetter : KubectlIsBetter));
        var values = $"{result.TimesBetter:0.0#}×   {Value(result.Pf)} against {Value(result.Kubectl)} {result.Figure.Unit}";
        yield return Text(values, Invariant(TitleWidth + PlotWidth + 12), baseline, "start", isBold: false);
    }

    private static string Value(IReadOnlyList<double> values) => ComparisonTable.Number(Statistics.Of(values).Median);

    /// <summary>A title that fits: without the list of what it is measured over.</summary>
    private static string ShortTitle(Figure figure) => figure.Title.Split(" over ")[0];

    private static XElement Text(string text, string x, int y, string anchor, bool isBold) => new(
        Svg + "text",
        new XAttribute("x", x),
        new XAttribute("y", y),
        new XAttribute("text-anchor", anchor),
        new XAttribute("fill", Ink),
        isBold ? new XAttribute("font-weight", "bold") : null,
        text);

    private static string Invariant(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>From how many times better to how many pixels, by powers of two.</summary>
    private sealed class Scale(int lowest, int highest)
    {
        public IEnumerable<double> Ticks => Enumerable.Range(lowest, highest - lowest + 1).Select(power => Math.Pow(2, power));

        public static Scale For(IEnumerable<double> values)
        {
            double[] powers = [.. values.Select(Math.Log2)];
            return new Scale((int)Math.Floor(powers.Append(-1).Min()), (int)Math.Ceiling(powers.Append(2).Max()));
        }

        public double Position(double value) => (Math.Log2(value) - lowest) / (highest - lowest) * PlotWidth;
    }
}
