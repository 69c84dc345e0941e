namespace PortForward.Fuzzing.Engine;

/// <summary>An expectation that the code has broken.</summary>
internal sealed class FuzzFault : Exception
{
    /// <summary>Tells it.</summary>
    /// <param name="rule">The expectation, in words that are always the same: they tell one fault from another.</param>
    /// <param name="detail">What there was instead.</param>
    public FuzzFault(string rule, string detail) : base($"{rule}: {detail}") => Rule = rule;

    /// <summary>The expectation.</summary>
    public string Rule { get; }
}
