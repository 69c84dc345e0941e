namespace PortForward.Benchmarks.Report;

/// <summary>A Markdown table with its columns lined up.</summary>
internal static class MarkdownTable
{
    /// <summary>Writes a table.</summary>
    /// <param name="heads">The columns' heads.</param>
    /// <param name="rows">The cells, as many in each row.</param>
    public static string Render(IReadOnlyList<string> heads, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        int[] widths = [.. heads.Select((head, column) => rows.Select(row => row[column].Length).Append(head.Length).Max())];
        var lines = new List<string> { Line(heads), $"|{string.Join('|', widths.Select(width => new string('-', width + 2)))}|" };
        lines.AddRange(rows.Select(Line));
        return string.Join('\n', lines);

        string Line(IReadOnlyList<string> cells) => $"| {string.Join(" | ", cells.Select((cell, column) => cell.PadRight(widths[column])))} |";
    }
}
