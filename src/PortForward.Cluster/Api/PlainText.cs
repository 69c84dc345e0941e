using System.Globalization;
using System.Text;

namespace PortForward.Cluster.Api;

/// <summary>Makes text from elsewhere fit for a terminal.</summary>
internal static class PlainText
{
    /// <summary>The text with its lines as they are, and a space for each character that could change what the terminal shows.</summary>
    public static string Printable(string text) => text.EnumerateRunes().Any(IsUnprintable)
        ? string.Concat(text.EnumerateRunes().Select(rune => IsUnprintable(rune) ? " " : rune.ToString()))
        : text;

    /// <summary>One line of at most <paramref name="maxLength"/> characters, fit for a terminal.</summary>
    public static string OneLine(string text, int maxLength = UntrustedText.UsualLength) => UntrustedText.OneLine(text, maxLength);

    private static bool IsUnprintable(Rune rune) => rune.Value != '\n' && Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
