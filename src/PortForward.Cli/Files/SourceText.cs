using System.Text;

namespace PortForward.Cli.Files;

/// <summary>
/// A file's text as it is read, and where its characters are in the file. The two differ where a mistake was mended so that what follows can be read, too: a tab is
/// as many spaces as the file indents by, and a text without its quotes has some.
/// </summary>
internal sealed class SourceText
{
    private const int UsualIndent = 2, MostIndent = 8;

    private readonly string _original;
    private readonly int[] _lines;

    /// <summary>For each character of the text its offset in the file; null if they are the same.</summary>
    private readonly int[]? _origins;

    private SourceText(string text, string original, int[] lines, int[]? origins)
    {
        Text = text;
        _original = original;
        _lines = lines;
        _origins = origins;
    }

    /// <summary>The text to read.</summary>
    public string Text { get; }

    /// <summary>Takes a file's text. Tabs that indent are told and mended.</summary>
    public static SourceText Of(string original, Mistakes mistakes)
    {
        int[] lines = [0, .. original.Index().Where(static character => character.Item == '\n').Select(static character => character.Index + 1)];
        var plain = new SourceText(original, original, lines, origins: null);
        int[] tabbed = [.. lines.Where(line => IndentOf(original, line).Contains('\t') && HasContent(original, line))];
        if (tabbed.Length == 0)
        {
            return plain;
        }

        string others = tabbed.Length == 1 ? "" : $", and {tabbed.Length - 1} more";
        mistakes.Add(plain.PositionOf(tabbed[0]), $"a tab indents this line{others}: YAML takes spaces only");
        return plain.WithoutTabs(tabbed);
    }

    /// <summary>A piece of the text.</summary>
    public string this[int start, int end] => Text[start..end];

    /// <summary>Where a character is in the file.</summary>
    public FilePosition PositionOf(int offset)
    {
        int origin = _origins is null ? offset : _origins[Math.Min(offset, _origins.Length - 1)];
        int line = Array.BinarySearch(_lines, origin) is var found && found >= 0 ? found : ~found - 1;
        return new FilePosition(line + 1, origin - _lines[line] + 1);
    }

    /// <summary>The line that a character is in, by the offsets of its beginning and its end.</summary>
    public (int Start, int End) LineAt(int offset)
    {
        offset = Math.Min(offset, Text.Length);
        int start = offset == 0 ? 0 : Text.LastIndexOf('\n', offset - 1) + 1;
        int end = Text.IndexOf('\n', start);
        return (start, end < 0 ? Text.Length : end);
    }

    /// <summary>The same text with a quoted one of the same length in a place.</summary>
    public SourceText WithQuotes(int start, int end) =>
        new($"{Text[..start]}\"{new string('x', end - start - 2)}\"{Text[end..]}", _original, _lines, _origins);

    private static string IndentOf(string text, int line)
    {
        int length = text.AsSpan(line).IndexOfAnyExcept(' ', '\t');
        return length < 0 ? text[line..] : text.Substring(line, length);
    }

    private static bool HasContent(string text, int line)
    {
        int next = line + IndentOf(text, line).Length;
        return next < text.Length && text[next] is not ('#' or '\r' or '\n');
    }

    private SourceText WithoutTabs(int[] tabbed)
    {
        IEnumerable<int> plain = _lines.Except(tabbed).Where(line => HasContent(_original, line));
        int[] spaces = [.. plain.Select(line => IndentOf(_original, line).Length).Where(static length => length > 0)];
        int indent = spaces.Length == 0 ? UsualIndent : Math.Min(spaces.Min(), MostIndent);
        var text = new StringBuilder(_original.Length);
        var origins = new List<int>(_original.Length);
        int next = 0;
        foreach (int line in tabbed)
        {
            CopyTo(line);
            foreach (char blank in IndentOf(_original, line))
            {
                text.Append(' ', blank == '\t' ? indent : 1);
                origins.AddRange(Enumerable.Repeat(next, blank == '\t' ? indent : 1));
                next++;
            }
        }

        CopyTo(_original.Length);
        origins.Add(_original.Length);
        return new SourceText(text.ToString(), _original, _lines, [.. origins]);

        void CopyTo(int end)
        {
            text.Append(_original, next, end - next);
            origins.AddRange(Enumerable.Range(next, end - next));
            next = end;
        }
    }
}
