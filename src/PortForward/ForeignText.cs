using System.Globalization;

namespace PortForward;

/// <summary>Text that a server, or something on the way to it, has put into an answer.</summary>
internal static class ForeignText
{
    private const int MaxLength = 300;

    /// <summary>One line of bounded length, with a space for each control and format character: they could rewrite a terminal.</summary>
    public static string OneLine(string? text)
    {
        text ??= "";
        string line = string.Concat(text.Take(MaxLength).Select(c => char.IsControl(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format ? ' ' : c));
        return text.Length > MaxLength ? line + '…' : line;
    }
}
