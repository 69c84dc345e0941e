using PortForward.Benchmarks.Report;

namespace PortForward.Benchmarks.Comparison;

/// <summary>What came out for one figure.</summary>
/// <param name="Figure">The figure.</param>
/// <param name="Pf">The values of pf, one for each run that could be measured.</param>
/// <param name="Kubectl">Those of kubectl.</param>
/// <param name="Notes">What went wrong meanwhile, a sentence each.</param>
internal sealed record FigureResult(Figure Figure, IReadOnlyList<double> Pf, IReadOnlyList<double> Kubectl, IReadOnlyList<string> Notes)
{
    /// <summary>Whether there is a ratio.</summary>
    public bool HasRatio => Figure.WantedOf == WantedOf.Ratio && Pf.Count > 0 && Kubectl.Count > 0;

    /// <summary>pf's median by kubectl's.</summary>
    public double Ratio => Statistics.Of(Pf).Median / Statistics.Of(Kubectl).Median;

    /// <summary>How many times better pf is: above 1 where it is better, whichever direction that is.</summary>
    public double TimesBetter => Figure.Better == Better.Lower ? 1 / Ratio : Ratio;

    /// <summary>Whether pf is as good as wanted.</summary>
    public bool IsReached => Judged is { } value && (Figure.Better == Better.Lower ? value <= Figure.Wanted : value >= Figure.Wanted);

    private double? Judged => Figure.WantedOf switch
    {
        WantedOf.Ratio => HasRatio ? Ratio : null,
        _ => Pf.Count > 0 ? Statistics.Of(Pf).Median : null,
    };
}
