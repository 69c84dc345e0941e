namespace PortForward.Benchmarks.Comparison;

/// <summary>What can be chosen of the figures.</summary>
internal sealed record FigureSettings
{
    /// <summary>The rest before a first burst, unless another one is chosen.</summary>
    public static readonly TimeSpan UsualRest = TimeSpan.FromSeconds(1);

    /// <summary>The round trip of the figures that are measured from far away.</summary>
    public TimeSpan Far { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a forward that has served nothing rests before its first burst.</summary>
    public TimeSpan Rest { get; init; } = UsualRest;

    /// <summary>How many connections in a row are many.</summary>
    public int Many { get; init; } = 30_000;
}
