using System.Buffers;

namespace PortForward.Cli.Files;

/// <summary>Takes texts out of a file exactly as they were written. What YAML might take for something else is told, and so is what is no text.</summary>
/// <param name="variables">Reads an environment variable; null if it is missing.</param>
/// <param name="mistakes">Takes what is wrong.</param>
internal sealed class FileTexts(Func<string, string?> variables, Mistakes mistakes)
{
    private static readonly char[] AllControls = [.. Enumerable.Range(0, 0xA0).Select(static code => (char)code).Where(char.IsControl)];
    private static readonly SearchValues<char> Controls = SearchValues.Create(AllControls);
    private static readonly SearchValues<char> ControlsInLine = SearchValues.Create([.. AllControls.Except(['\t', '\n', '\r'])]);

    /// <summary>A text with its environment variables filled in.</summary>
    /// <param name="node">The value; null if there is none.</param>
    /// <param name="what">What it is, in words.</param>
    /// <returns>The text; null if there is none, or if something is wrong with it.</returns>
    public Placed? Read(YamlNode? node, string what)
    {
        if (Text(node, what) is not { } text || Divide(text) is not { } pieces)
        {
            return null;
        }

        string whole = string.Concat(pieces.Select(static piece => piece.Text));
        if (whole.Length == 0)
        {
            mistakes.Add(text.At, $"{what} is empty");
            return null;
        }

        var placed = new Placed(whole, text.At) { Written = pieces.Any(static piece => piece.IsFilledIn) ? text.Value : null };
        if (WhyUnreadable(whole, what, mayHaveLines: false) is { } wrong)
        {
            mistakes.Add(text.At, placed.Wrong(wrong, $"text for {what}"));
            return null;
        }

        return placed;
    }

    /// <summary>The items of a list.</summary>
    /// <param name="node">The value; null if there is none.</param>
    /// <param name="what">What it is, in words.</param>
    /// <param name="example">How it looks.</param>
    public IReadOnlyList<YamlNode> Items(YamlNode? node, string what, string example)
    {
        if (node is YamlList { Unquoted: null } list)
        {
            return list.Items;
        }

        if (node is not null)
        {
            mistakes.Add(node.At, $"{what} is a list, such as {example}");
        }

        return [];
    }

    /// <summary>A text as it was written; null if there is none, or if it is something else.</summary>
    /// <param name="node">The value; null if there is none.</param>
    /// <param name="what">What it is, in words.</param>
    /// <param name="mayHaveLines">Whether it may have several lines, and tabs.</param>
    public YamlText? Text(YamlNode? node, string what, bool mayHaveLines = false)
    {
        string? wrong = node switch
        {
            null => null,
            { Unquoted: { } meant } => YamlReader.NeedsQuotes(meant),
            YamlText text => WhyNotText(text, what) ?? WhyUnreadable(text.Value, what, mayHaveLines),
            YamlList => $"{what} is a text, and not a list",
            _ => $"{what} is a text, and not a mapping",
        };
        if (wrong is not null)
        {
            mistakes.Add(node!.At, wrong);
        }

        return wrong is null && node is YamlText right && !mistakes.Has(right.At) ? right : null;
    }

    /// <summary>The pieces of a text, with what the environment has filled in; null if something is missing there.</summary>
    public IReadOnlyList<(string Text, bool IsFilledIn)>? Divide(YamlText text)
    {
        bool isWrong = false;
        IReadOnlyList<(string, bool)> pieces = Expansion.Divide(text.Value, variables, (piece, sentence) =>
        {
            isWrong = true;
            mistakes.Add(text.PositionOf(piece), sentence);
        });
        return isWrong ? null : pieces;
    }

    /// <summary>Programs take a character such as NUL for the end of a text, or for more than a part of it.</summary>
    private static string? WhyUnreadable(string text, string what, bool mayHaveLines)
    {
        int found = text.AsSpan().IndexOfAny(mayHaveLines ? ControlsInLine : Controls);
        return found < 0 ? null : $"{what} has a control character, U+{(int)text[found]:X4}: leave it out";
    }

    private static string? WhyNotText(YamlText text, string what)
    {
        if (!text.IsPlain)
        {
            return null;
        }

        string shown = UntrustedText.OneLine(text.Value, maxLength: 60);
        return PlainText.Otherwise(text.Value) is { } other
            ? text.Value.Length == 0 ? $"{what} is a text, and nothing is written here" : $"{shown} is {other} in YAML: put it in quotes, \"{shown}\""
            : text.Value != text.Written ? $"this is another text in YAML than what is written: put it in quotes, \"{shown}\""
            : text.IsInFlow && text.Value[0] == ':' ? $"{shown} in brackets is {shown[1..]} for some readers of YAML: put it in quotes, \"{shown}\""
            : null;
    }
}
