using System.Globalization;

namespace PortForward.Cli.Files;

/// <summary>
/// What YAML takes a text without quotes for. Readers of YAML 1.1 and 1.2 differ, so that one of them is enough: <c>22:22</c> is 1342 for some, and <c>on</c> is true.
/// </summary>
internal static class PlainText
{
    private static readonly string[] Truths =
        ["true", "True", "TRUE", "false", "False", "FALSE", "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "y", "Y", "n", "N"];

    /// <summary>What else than a text it is for some reader, in words; null if it is a text for all of them.</summary>
    public static string? Otherwise(string text) =>
        text is "" or "~" or "null" or "Null" or "NULL" ? "nothing"
        : Truths.Contains(text) ? "a truth value"
        : IsNumber(text) ? "a number"
        : IsDate(text) ? "a date"
        : null;

    private static bool IsNumber(string text)
    {
        string digits = text.Replace("_", "", StringComparison.Ordinal);
        digits = digits is ['+' or '-', .. var unsigned] ? unsigned : digits;
        return digits switch
        {
            [] => false,
            ['0', 'x', _, ..] => digits.Skip(2).All(char.IsAsciiHexDigit),
            ['0', 'o' or 'b', _, ..] => digits.Skip(2).All(char.IsAsciiDigit),
            ".inf" or ".Inf" or ".INF" or ".nan" or ".NaN" or ".NAN" => true,
            _ when digits.Contains(':', StringComparison.Ordinal) => IsSexagesimal(digits.Split(':')),
            _ => digits.All(static sign => char.IsAsciiDigit(sign) || sign is '.' or 'e' or 'E' or '+' or '-')
                && double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out _),
        };
    }

    /// <summary>Hours, minutes and seconds are a number in YAML 1.1.</summary>
    private static bool IsSexagesimal(string[] parts) =>
        parts[0].Length > 0 && parts[0].All(char.IsAsciiDigit)
        && parts.Skip(1).All(static part => part.Split('.')[0] is { Length: 1 or 2 } digits && digits.All(char.IsAsciiDigit) && (digits.Length == 1 || digits[0] <= '5'));

    /// <summary>Year, month and day, with or without a time.</summary>
    private static bool IsDate(string text)
    {
        string[] parts = text.Split('T', 't', ' ')[0].Split('-');
        return parts is [{ Length: 4 }, { Length: 1 or 2 }, { Length: 1 or 2 }] && parts.All(static part => part.All(char.IsAsciiDigit));
    }
}
