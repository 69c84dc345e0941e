namespace PortForward.Benchmarks.Comparison;

/// <summary>Which of two values is the better one.</summary>
internal enum Better
{
    Lower,
    Higher,
}

/// <summary>What the wanted number limits.</summary>
internal enum WantedOf
{
    /// <summary>The ratio of pf's value to kubectl's.</summary>
    Ratio,

    /// <summary>pf's value, whatever kubectl's is. A ratio would say nothing, as of differences that may be nearly zero.</summary>
    Value,
}

/// <summary>One thing that is measured of both programs.</summary>
/// <param name="id">Its name on the command line and in files.</param>
/// <param name="title">What it is, for people.</param>
/// <param name="unit">In what it is counted.</param>
/// <param name="better">Which value is better.</param>
/// <param name="wanted">What is wanted: at most this where lower is better, at least where higher is.</param>
/// <param name="wantedOf">Of what it is wanted.</param>
internal class Figure(string id, string title, string unit, Better better, double wanted, WantedOf wantedOf = WantedOf.Ratio)
{
    public string Id => id;

    public string Title => title;

    public string Unit => unit;

    public Better Better => better;

    public double Wanted => wanted;

    public WantedOf WantedOf => wantedOf;

    /// <summary>The round trip that is added on the way to the cluster.</summary>
    public TimeSpan RoundTrip { get; init; }

    /// <summary>What is added to a title when the cluster is far away.</summary>
    protected static string At(TimeSpan roundTrip) => roundTrip == TimeSpan.Zero ? "" : $", {roundTrip.TotalMilliseconds:0} ms round trip";

    /// <summary>The end of an id when the cluster is far away.</summary>
    protected static string Far(TimeSpan roundTrip) => roundTrip == TimeSpan.Zero ? "" : "-far";
}
