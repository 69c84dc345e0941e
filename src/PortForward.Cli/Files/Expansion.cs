namespace PortForward.Cli.Files;

/// <summary>
/// Fills environment variables into a text: <c>${VAR}</c>, and <c>${VAR:-default}</c> for one that is missing or empty; templates may stand in a default.
/// <c>$${</c> stands for <c>${</c>; every other dollar sign stays as it is.
/// </summary>
internal static class Expansion
{
    private const string Open = "${", Escaped = "$${", Default = ":-";

    /// <summary>Fills in a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="variables">Reads a variable; null if it is missing.</param>
    /// <param name="wrong">Takes each piece that cannot be filled in, and why not.</param>
    /// <returns>The pieces, and whether each is from the environment: what is written there has no meaning in the file.</returns>
    public static IReadOnlyList<(string Text, bool IsFilledIn)> Divide(string text, Func<string, string?> variables, Action<string, string> wrong)
    {
        var pieces = new List<(string, bool)>();
        int at = 0;
        while (text.IndexOf(Open, at, StringComparison.Ordinal) is >= 0 and int open)
        {
            if (open > at && text[open - 1] == '$')
            {
                pieces.Add((text[at..(open - 1)] + Open, false));
                at = open + Open.Length;
                continue;
            }

            pieces.Add((text[at..open], false));
            int end = EndOf(text, open + Open.Length);
            string content = end < 0 ? "" : text[(open + Open.Length)..end];
            at = end < 0 ? text.Length : end + 1;
            string whole = text[open..at];
            string[] parts = content.Split(Default, 2);
            if (end < 0)
            {
                wrong(whole, $"{Open} is not closed: write ${{VAR}} or ${{VAR:-default}}, and {Escaped} for {Open} itself");
            }
            else if (!IsVariable(parts[0]) || content.Contains(Open, StringComparison.Ordinal))
            {
                wrong(whole, $"{whole} is no variable: write ${{VAR}} or ${{VAR:-default}}, and {Escaped} for {Open} itself");
            }
            else if (variables(parts[0]) is { } value && (value.Length > 0 || parts.Length == 1))
            {
                pieces.Add((value, true));
            }
            else if (parts.Length == 2)
            {
                pieces.Add((parts[1], false)); // The file says it.
            }
            else
            {
                wrong(whole, $"the environment has no {parts[0]}: set it, or write ${{{parts[0]}:-default}}");
            }
        }

        pieces.Add((text[at..], false));
        return pieces;
    }

    /// <summary>Where the brace is that closes, behind whole templates such as <c>{{db.addr}}</c>; -1 if there is none.</summary>
    private static int EndOf(string text, int start)
    {
        bool isTemplate = false;
        for (int at = start; at < text.Length; at++)
        {
            if (string.CompareOrdinal(text, at, isTemplate ? "}}" : "{{", 0, 2) == 0)
            {
                isTemplate = !isTemplate;
                at++;
            }
            else if (text[at] == '}' && !isTemplate)
            {
                return at;
            }
        }

        return -1;
    }

    private static bool IsVariable(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(static letter => char.IsAsciiLetterOrDigit(letter) || letter == '_');
}
