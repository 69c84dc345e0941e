namespace PortForward.Benchmarks.Comparison;

/// <summary>Round trips on the command line: <c>50ms</c>.</summary>
internal static class RoundTripText
{
    /// <summary>Reads one.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static TimeSpan Parse(string text) =>
        text.EndsWith("ms", StringComparison.Ordinal) && uint.TryParse(text.AsSpan(0, text.Length - 2), out var milliseconds)
            ? TimeSpan.FromMilliseconds(milliseconds)
            : throw new FormatException($"{text} is no round trip; write it like 50ms.");
}
