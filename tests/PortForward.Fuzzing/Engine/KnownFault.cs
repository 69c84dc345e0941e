namespace PortForward.Fuzzing.Engine;

/// <summary>
/// A fault that is known and not mended yet. Mutations that show it are passed over. Once it is mended its test fails: then its line goes, and its input
/// moves from <c>Known</c> to <c>Corpus</c>.
/// </summary>
/// <param name="Target">The target's name.</param>
/// <param name="File">The input that shows it, below <c>Known/TARGET</c>.</param>
/// <param name="Signature">The beginning of the finding's signature.</param>
internal sealed record KnownFault(string Target, string File, string Signature)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KnownFault> All { get; } =
    [
    ];

    /// <summary>Whether a finding is this fault.</summary>
    public bool Explains(FuzzTarget target, Finding finding) => target.Name == Target && finding.Signature.StartsWith(Signature, StringComparison.Ordinal);

    public override string ToString() => $"{Target}/{File}";
}
