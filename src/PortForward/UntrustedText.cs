using System.Buffers;
using System.Globalization;
using System.Text;

namespace PortForward;

/// <summary>Text that a server, a pod, a file or something on the way wrote, made fit for one line of a terminal or a log.</summary>
internal static class UntrustedText
{
    /// <summary>Enough for a server's reason with the names in it.</summary>
    public const int UsualLength = 300;

    /// <summary>
    /// One line of at most <paramref name="maxLength"/> characters: of an HTML page only its words, white space collapsed, and a space for each character that could
    /// change what a terminal shows.
    /// </summary>
    public static string OneLine(string? text, int maxLength = UsualLength)
    {
        ReadOnlySpan<char> rest = text;
        bool isHtml = LooksLikeHtml(rest);
        var line = new StringBuilder(Math.Min(rest.Length, maxLength));
        bool gap = false;
        while (!rest.IsEmpty)
        {
            if (isHtml && rest[0] == '<')
            {
                rest = AfterTag(rest);
                gap = true;
                continue;
            }

            // What is no valid UTF-16 comes out as U+FFFD.
            _ = Rune.DecodeFromUtf16(rest, out Rune next, out int length);
            rest = rest[length..];
            if (Rune.IsWhiteSpace(next) || !IsPrintable(next))
            {
                gap = true;
                continue;
            }

            int needed = next.Utf16SequenceLength + (gap && line.Length > 0 ? 1 : 0);
            if (line.Length + needed > maxLength)
            {
                return Shortened(line, maxLength);
            }

            if (gap && line.Length > 0)
            {
                line.Append(' ');
            }

            gap = false;
            line.Append(next);
        }

        return line.ToString();
    }

    /// <summary>
    /// The same text where all of it is printable; else with a space for what could begin another line, and an escape such as <c>\u001b</c> for each other character
    /// that could change what a terminal shows. Longer than <paramref name="maxLength"/> characters it is cut.
    /// </summary>
    public static string Escaped(string text, int maxLength)
    {
        if (text.Length <= maxLength && IsPrintable(text))
        {
            return text;
        }

        var line = new StringBuilder(Math.Min(text.Length, maxLength));
        foreach (Rune next in text.EnumerateRunes())
        {
            string shown = IsPrintable(next) ? next.ToString() : Rune.IsWhiteSpace(next) ? " " : next.IsBmp ? $"\\u{next.Value:x4}" : $"\\U{next.Value:x8}";
            if (line.Length + shown.Length > maxLength)
            {
                return Shortened(line, maxLength);
            }

            line.Append(shown);
        }

        return line.ToString();
    }

    /// <summary>The text as it is, cut if it is longer than <paramref name="maxLength"/> characters.</summary>
    public static string Shortened(string text, int maxLength) =>
        text.Length <= maxLength ? text : Shortened(new StringBuilder(text, 0, maxLength, maxLength), maxLength);

    /// <summary>Whether a text is one line that shows itself and does nothing else.</summary>
    public static bool IsPrintable(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(text, out Rune next, out int length) != OperationStatus.Done || !IsPrintable(next))
            {
                return false;
            }

            text = text[length..];
        }

        return true;
    }

    /// <summary>Control characters move the cursor and open commands to the terminal; format characters reorder or hide what follows; separators begin a line.</summary>
    private static bool IsPrintable(Rune character) => Rune.GetUnicodeCategory(character)
        is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    private static string Shortened(StringBuilder line, int maxLength)
    {
        line.Length = Math.Min(line.Length, maxLength - 1);
        if (line.Length > 0 && char.IsHighSurrogate(line[^1]))
        {
            line.Length--;
        }

        return line.Append('…').ToString();
    }

    private static bool LooksLikeHtml(ReadOnlySpan<char> text)
    {
        text = text.TrimStart();
        return text.StartsWith("<!doctype", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<head", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<body", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<?xml", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>What follows a tag; scripts, style sheets and the title (a repetition of the heading) are left out with their content.</summary>
    private static ReadOnlySpan<char> AfterTag(ReadOnlySpan<char> text)
    {
        foreach (string name in (ReadOnlySpan<string>)["script", "style", "title"])
        {
            if (!text[1..].StartsWith(name, StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            int close = text.IndexOf("</" + name, StringComparison.OrdinalIgnoreCase);
            if (close > 0)
            {
                text = text[close..];
            }
        }

        int end = text.IndexOf('>');
        return end < 0 ? default : text[(end + 1)..];
    }
}
