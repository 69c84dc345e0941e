using System.Globalization;
using System.Text;

namespace PortForward.Cluster.Api;

/// <summary>Makes text from elsewhere fit for a terminal.</summary>
internal static class PlainText
{
    /// <summary>The text with its lines as they are, and a space for each control and format character, which could rewrite the terminal.</summary>
    public static string Printable(string text) => text.Any(IsUnprintable) ? string.Concat(text.Select(c => IsUnprintable(c) ? ' ' : c)) : text;

    /// <summary>
    /// One line of at most <paramref name="maxLength"/> characters: without markup when it is an HTML page, without control and format
    /// characters (they could rewrite the terminal), white space collapsed.
    /// </summary>
    public static string OneLine(string text, int maxLength = 300)
    {
        ReadOnlySpan<char> rest = text;
        bool html = LooksLikeHtml(rest);
        var line = new StringBuilder(Math.Min(text.Length, maxLength));
        bool gap = false;
        while (!rest.IsEmpty)
        {
            if (html && rest[0] == '<')
            {
                rest = AfterTag(rest);
                gap = true;
                continue;
            }

            char next = rest[0];
            rest = rest[1..];
            if (char.IsWhiteSpace(next) || char.IsControl(next) || char.GetUnicodeCategory(next) == UnicodeCategory.Format)
            {
                gap = true;
                continue;
            }

            if (gap && line.Length > 0) line.Append(' ');
            gap = false;
            line.Append(next);
            if (line.Length > maxLength)
            {
                line.Length = maxLength - 1;
                return line.Append('…').ToString();
            }
        }

        return line.ToString();
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
            if (!text[1..].StartsWith(name, StringComparison.OrdinalIgnoreCase)) continue;
            int close = text.IndexOf("</" + name, StringComparison.OrdinalIgnoreCase);
            if (close > 0) text = text[close..];
        }

        int end = text.IndexOf('>');
        return end < 0 ? default : text[(end + 1)..];
    }

    private static bool IsUnprintable(char c) => c != '\n' && (char.IsControl(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format);
}
