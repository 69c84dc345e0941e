using PortForward.Benchmarks.Report;

namespace PortForward.Benchmarks.Comparison;

/// <summary>What came out for one figure.</summary>
/// <param name="Figure">The figure.</param>
/// <param name="Pf">The values of pf, one for each run that could be measured.</param>
/// <param name="Kubectl">Those of kubectl.</param>
/// <param name="Notes">What went wrong meanwhile, a sentence each.</param>
internal sealed record FigureResult(Figure Figure, IReadOnlyList<double> Pf, IReadOnlyList<double> Kubectl, IReadOnlyList<string> Notes)
{
    /// <summary>Whether there is anything to compare.</summary>
    public bool IsComplete => Pf.Count > 0 && Kubectl.Count > 0;

    /// <summary>pf's median by kubectl's.</summary>
    public double Ratio => Statistics.Of(Pf).Median / Statistics.Of(Kubectl).Median;

    /// <summary>How many times better pf is: above 1 where it is better, whichever direction that is.</summary>
    public double TimesBetter => Figure.Better == Better.Lower ? 1 / Ratio : Ratio;

    /// <summary>Whether pf is as much better as wanted.</summary>
    public bool IsReached => IsComplete && (Figure.Better == Better.Lower ? Ratio <= Figure.Wanted : Ratio >= Figure.Wanted);
}
