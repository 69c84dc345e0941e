using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>
/// Reads label selectors as people write them: <c>app=web,tier in (front,back),!canary</c>. It takes what the API server takes, so that a mistake is told before
/// anything is sent.
/// </summary>
internal static class SelectorText
{
    /// <summary>Reads a selector.</summary>
    /// <param name="text">The selector.</param>
    /// <param name="selector">What it asks for.</param>
    /// <param name="error">Why it is none, in one sentence.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out LabelSelector? selector, [NotNullWhen(false)] out string? error)
    {
        selector = null;
        error = null;
        if (string.IsNullOrWhiteSpace(text))
        {
            error = "a selector must not be empty, since it would mean every pod of the namespace";
            return false;
        }

        try
        {
            selector = new LabelSelector { MatchExpressions = new Reader(text).ReadAll() };
            return true;
        }
        catch (FormatException e)
        {
            error = $"invalid selector \"{text}\": {e.Message}";
            return false;
        }
    }

    /// <summary>Reads the requirements one after the other.</summary>
    private sealed class Reader(string text)
    {
        private const string Signs = "=!(),<>";

        /// <summary>Stands behind the last token.</summary>
        private const string End = "";

        private readonly string[] _tokens = [.. Divide(text), End];
        private int _next;

        public List<LabelSelectorRequirement> ReadAll()
        {
            var requirements = new List<LabelSelectorRequirement>();
            do
            {
                requirements.Add(ReadRequirement());
            }
            while (TryTake(","));
            return Peek() == End ? requirements : throw Unexpected("a comma or the end");
        }

        private LabelSelectorRequirement ReadRequirement()
        {
            bool isAbsent = TryTake("!");
            string key = IsWord(Peek()) ? Take() : throw Unexpected("the name of a label");
            CheckKey(key);
            if (isAbsent || Peek() is End or ",")
            {
                return new LabelSelectorRequirement { Key = key, Operator = isAbsent ? "DoesNotExist" : "Exists" };
            }

            (string Operator, bool IsSet)? found = Peek() switch
            {
                "=" or "==" => ("In", false),
                "!=" => ("NotIn", false),
                ">" => ("Gt", false),
                "<" => ("Lt", false),
                "in" => ("In", true),
                "notin" => ("NotIn", true),
                _ => null,
            };
            if (found is not { } does)
            {
                throw Unexpected("one of =, ==, !=, in, notin");
            }

            _next++;
            List<string> values = does.IsSet ? ReadSet() : [ReadValue()];
            values.ForEach(CheckValue);
            if (does.Operator is "Gt" or "Lt" && !long.TryParse(values[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _))
            {
                throw new FormatException($"\"{values[0]}\" is no whole number");
            }

            return new LabelSelectorRequirement { Key = key, Operator = does.Operator, Values = values };
        }

        /// <summary>The values in parentheses. Between two commas is an empty one.</summary>
        private List<string> ReadSet()
        {
            if (!TryTake("("))
            {
                throw Unexpected("'(' and values");
            }

            if (Peek() == ")")
            {
                throw new FormatException("there is no value between '(' and ')'");
            }

            var values = new List<string>();
            do
            {
                values.Add(ReadValue());
            }
            while (TryTake(","));
            return TryTake(")") ? values : throw Unexpected("a comma or ')'");
        }

        private string ReadValue() => IsWord(Peek()) ? Take() : Peek() is End or "," or ")" ? "" : throw Unexpected("a value");

        private string Peek() => _tokens[_next];

        private string Take() => _tokens[_next++];

        private bool TryTake(string token)
        {
            bool isNext = Peek() == token;
            _next += isNext ? 1 : 0;
            return isNext;
        }

        private FormatException Unexpected(string expected) => new(Peek() == End ? $"{expected} is missing at its end" : $"{expected} is expected, not \"{Peek()}\"");

        private static bool IsWord(string token) => token.Length > 0 && !Signs.Contains(token[0], StringComparison.Ordinal);

        private static IEnumerable<string> Divide(string text)
        {
            for (int at = 0; at < text.Length;)
            {
                int begin = at;
                if (IsSpace(text[at]))
                {
                    at++;
                    continue;
                }

                if (IsSign(text[at]))
                {
                    at += text.AsSpan(at) is ['=' or '!', '=', ..] ? 2 : 1;
                }
                else
                {
                    while (at < text.Length && !IsSign(text[at]) && !IsSpace(text[at]))
                    {
                        at++;
                    }
                }

                yield return text[begin..at];
            }
        }

        private static bool IsSign(char letter) => Signs.Contains(letter, StringComparison.Ordinal);

        private static bool IsSpace(char letter) => letter is ' ' or '\t' or '\r' or '\n';
    }

    private static void CheckKey(string key)
    {
        string[] parts = key.Split('/');
        if (parts.Length > 2 || !IsName(parts[^1]) || (parts.Length == 2 && !IsDomain(parts[0])))
        {
            throw new FormatException($"\"{key}\" is no name of a label, which is as in app or app.kubernetes.io/name");
        }
    }

    private static void CheckValue(string value)
    {
        if (value.Length > 0 && !IsName(value))
        {
            throw new FormatException(
                $"\"{value}\" is no value of a label, which has at most 63 letters, digits, '-', '_' and '.', the first and last one a letter or digit");
        }
    }

    private static bool IsName(string text) => text.Length is > 0 and <= 63
        && char.IsAsciiLetterOrDigit(text[0]) && char.IsAsciiLetterOrDigit(text[^1])
        && text.All(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.');

    private static bool IsDomain(string text) => text.Length <= 253 && text.Split('.').All(IsDomainLabel);

    private static bool IsDomainLabel(string text) => text.Length > 0 && text[0] != '-' && text[^1] != '-'
        && text.All(static letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '-');
}
