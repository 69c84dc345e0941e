namespace PortForward.Cli.Names;

/// <summary>What a forward may be called, and how its name is spelt in an environment variable.</summary>
internal static class ForwardName
{
    /// <summary>What a name looks like, in words.</summary>
    public const string Form = "a name begins with a letter and has letters, digits, '-', '_' and '.'";

    /// <summary>Whether a text can be a name.</summary>
    public static bool IsValid(string text) =>
        text.Length > 0 && char.IsAsciiLetter(text[0]) && text.All(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.');

    /// <summary>What a forward's name, or a port's, is in a variable.</summary>
    public static string InVariable(string name) => string.Concat(name.Select(static letter => char.IsAsciiLetterOrDigit(letter) ? char.ToUpperInvariant(letter) : '_'));
}
