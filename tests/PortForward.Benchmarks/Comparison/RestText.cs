using System.Globalization;

namespace PortForward.Benchmarks.Comparison;

/// <summary>Rests on the command line: <c>500ms</c>, <c>20s</c>, <c>5m</c>.</summary>
internal static class RestText
{
    private static readonly (string Unit, TimeSpan Length)[] Units =
        [("ms", TimeSpan.FromMilliseconds(1)), ("s", TimeSpan.FromSeconds(1)), ("m", TimeSpan.FromMinutes(1))];

    /// <summary>Reads one.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static TimeSpan Parse(string text)
    {
        foreach (var (unit, length) in Units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal) && ushort.TryParse(text[..^unit.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var count))
                return count * length;
        }

        throw new FormatException($"{text} is no rest; write it like 20s.");
    }
}
