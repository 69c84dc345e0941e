using System.Buffers;

namespace PortForward.Cli.Files;

/// <summary>Finds texts without quotes that YAML takes for something else, or for nothing that it knows: <c>[::1]:80:80</c>, <c>{{db.addr}}</c>, <c>@x</c>.</summary>
internal static class UnquotedText
{
    /// <summary>The most that is looked through for one text, so that the work does not grow with the square of a line.</summary>
    private const int MaxLength = 4096;

    private static readonly SearchValues<char> OfAddresses = SearchValues.Create("0123456789abcdefABCDEF:.%");

    /// <summary>The first one in a line that YAML cannot read; null if there is none, or if the line is too long to be looked through.</summary>
    public static (int Start, int End)? FindIn(string text, (int Start, int End) line)
    {
        if (line.End - line.Start > MaxLength)
        {
            return null;
        }

        int depth = 0;
        bool begins = true;
        for (int at = line.Start; at < line.End; at++)
        {
            char sign = text[at];
            if (sign is '"' or '\'' && begins)
            {
                int end = text.IndexOf(sign, at + 1, line.End - at - 1);
                at = end < 0 ? line.End : end;
                begins = false;
            }
            else if (sign == '#' && (at == line.Start || text[at - 1] is ' ' or '\t'))
            {
                break;
            }
            else if (begins && !char.IsWhiteSpace(sign) && IsUnquoted(text, at, depth > 0, out int end))
            {
                return (at, end);
            }
            else if (sign is '[' or '{' && begins)
            {
                depth++;
            }
            else if (sign is ']' or '}' && depth > 0)
            {
                depth--;
                begins = false;
            }
            else if (!char.IsWhiteSpace(sign))
            {
                bool isSeparator = sign == ',' ? depth > 0 : (sign == ':' || (sign == '-' && begins)) && IsBlank(text, at + 1);
                begins = isSeparator;
            }
        }

        return null;
    }

    /// <summary>Whether a text that begins here needs quotes.</summary>
    /// <param name="text">The whole text.</param>
    /// <param name="start">Where it begins.</param>
    /// <param name="inFlow">Whether that is in brackets or braces.</param>
    /// <param name="end">Where it probably ends.</param>
    public static bool IsUnquoted(string text, int start, bool inFlow, out int end)
    {
        end = EndOf(text, start, inFlow);
        ReadOnlySpan<char> token = text.AsSpan(start, end - start);
        return token.Length is > 2 and <= MaxLength
            && (token.StartsWith("{{") || token[0] is '@' or '`' or '%' || IsBracketedAddress(token)
                || (inFlow && token[0] is not ('[' or '{') && (token.Contains("{{", StringComparison.Ordinal) || token.Contains("${", StringComparison.Ordinal))));
    }

    private static bool IsBracketedAddress(ReadOnlySpan<char> token) =>
        token[0] == '[' && token.IndexOf("]:") is > 1 and int end && !token[1..end].ContainsAnyExcept(OfAddresses) && end + 2 < token.Length;

    /// <summary>The end of the line, a comment, or in brackets and braces what separates or closes outside of the text's own.</summary>
    private static int EndOf(string text, int start, bool inFlow)
    {
        int depth = 0;
        int at = start;
        while (at < text.Length && at - start <= MaxLength && text[at] is not ('\n' or '\r') && !(text[at] == '#' && at > start && text[at - 1] == ' '))
        {
            if (text[at] is '{' or '[')
            {
                depth++;
            }
            else if (depth == 0 && ((inFlow && text[at] is ',' or ']' or '}') || (text[at] == ':' && IsBlank(text, at + 1))))
            {
                break;
            }
            else if (text[at] is '}' or ']')
            {
                depth--;
            }

            at++;
        }

        while (at > start && text[at - 1] is ' ' or '\t')
        {
            at--;
        }

        return at;
    }

    private static bool IsBlank(string text, int at) => at >= text.Length || char.IsWhiteSpace(text[at]);
}
