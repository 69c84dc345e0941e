using System.Globalization;
using System.Text;

namespace PortForward.Fuzzing.Engine;

/// <summary>What every target expects.</summary>
internal static class Require
{
    /// <summary>Far more than any sentence for people has.</summary>
    public const int UsualLength = 3000;

    /// <summary>Something holds.</summary>
    public static void That(bool holds, string rule, string detail = "it does not")
    {
        if (!holds)
        {
            throw new FuzzFault(rule, detail);
        }
    }

    /// <summary>Two readings of the same bytes agree.</summary>
    public static void Same<T>(T one, T other, string rule) =>
        That(EqualityComparer<T>.Default.Equals(one, other), rule, $"{one} and {other}");

    /// <summary>A message shows itself and does nothing else to a terminal; of the control characters it may have line feeds only.</summary>
    public static void Message(string? message, int maxLength = UsualLength)
    {
        string text = message ?? throw new FuzzFault("a message is there", "null");
        if (text.Length > maxLength)
        {
            throw new FuzzFault("a message is of bounded length", $"{text.Length} characters: {text[..maxLength]}…");
        }

        foreach (Rune rune in text.EnumerateRunes())
        {
            if (rune.Value != '\n' && IsHarmful(Rune.GetUnicodeCategory(rune)))
            {
                throw new FuzzFault("a message has no control or format character", $"U+{rune.Value:X4} in {text}");
            }
        }
    }

    /// <summary>The same of a message that is one line.</summary>
    public static void Line(string? message, int maxLength = UsualLength)
    {
        Message(message, maxLength);
        That(!message!.Contains('\n'), "a message is one line", message);
    }

    /// <summary>A secret does not stand in a text.</summary>
    public static void Hidden(string secret, string text) =>
        That(!text.Contains(secret, StringComparison.Ordinal), "no secret is in a message", text);

    private static bool IsHarmful(UnicodeCategory category) =>
        category is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
