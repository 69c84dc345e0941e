using PortForward.Cluster;

namespace PortForward.Cli.Files;

/// <summary>
/// Reads the environment variables of a file. Their templates name forwards of the file only: <c>{{db.host}}</c>, <c>{{db.port}}</c>, <c>{{db.pg.addr}}</c>. Four braces
/// stand for two that open no template.
/// </summary>
/// <param name="texts">Takes texts out of the file.</param>
/// <param name="mistakes">Takes what is wrong.</param>
/// <param name="forwards">The names of the file's forwards.</param>
internal sealed class FileVariables(FileTexts texts, Mistakes mistakes, IReadOnlyList<string> forwards)
{
    private const string Open = "{{", Close = "}}", Literal = "{{{{", Own = "PF_";

    /// <summary>How many templates of no forward are compared with the names of the forwards.</summary>
    private const int MaxCompared = 100;

    private static readonly string[] Fields = ["host", "port", "addr", "path"];

    private int _compared;

    /// <summary>Reads them.</summary>
    public IReadOnlyList<RunFileVariable> Read(YamlNode? node)
    {
        if (node is not YamlMapping { Unquoted: null } mapping)
        {
            if (node is not null)
            {
                mistakes.Add(node.At, "env is a mapping from variables to texts, such as DATABASE_URL: \"postgres://{{db.addr}}/shop\"");
            }

            return [];
        }

        var variables = new List<RunFileVariable>();
        var lines = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase); // As on Windows, so that a file means the same everywhere.
        foreach ((YamlText key, YamlNode value) in mapping.Entries)
        {
            if (texts.Text(key, "a variable") is null)
            {
                continue;
            }

            if (WhyNoName(key.Value) is { } wrong)
            {
                mistakes.Add(key.At, wrong);
            }
            else if (!lines.TryAdd(key.Value, key.At.Line))
            {
                mistakes.Add(key.At, $"{key.Value} is there twice: line {lines[key.Value]} has it already");
            }

            if (texts.Text(value, UntrustedText.OneLine(key.Value, maxLength: 60), mayHaveLines: true) is { } text && texts.Divide(text) is { } pieces)
            {
                IEnumerable<ValuePart> parts = pieces.SelectMany(piece => piece.IsFilledIn ? [new ValuePart(piece.Text)] : Divide(piece.Text, text));
                variables.Add(new RunFileVariable(key.Value, [.. parts], key.At));
            }
        }

        return variables;
    }

    private static string? WhyNoName(string name)
    {
        bool isName = name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '.');
        return !isName ? $"{UntrustedText.OneLine(name, maxLength: 60)} is no name for a variable: it has letters, digits, '_' and '.', and begins with no digit"
            : name.StartsWith(Own, StringComparison.OrdinalIgnoreCase) ? $"{name}: what begins with {Own} is set by pf itself"
            : null;
    }

    /// <summary>The texts and templates of a piece that was written in the file.</summary>
    private List<ValuePart> Divide(string piece, YamlText whole)
    {
        var parts = new List<ValuePart>();
        int at = 0;
        while (piece.IndexOf(Open, at, StringComparison.Ordinal) is >= 0 and int open)
        {
            if (piece.AsSpan(open).StartsWith(Literal, StringComparison.Ordinal))
            {
                parts.Add(new ValuePart(piece[at..(open + Open.Length)]));
                at = open + Literal.Length;
                continue;
            }

            int end = piece.IndexOf(Close, open, StringComparison.Ordinal);
            string template = piece[open..(end < 0 ? piece.Length : end + Close.Length)];
            parts.Add(new ValuePart(piece[at..open]));
            at = open + template.Length;
            (string? forward, string? wrong) = end < 0 ? (null, $"{Open} is not closed: write {{{{NAME.addr}}}}") : Resolve(template);
            parts.Add(new ValuePart(template, forward));
            if (wrong is not null)
            {
                mistakes.Add(whole.PositionOf(template), UntrustedText.OneLine(wrong));
            }
        }

        parts.Add(new ValuePart(piece[at..]));
        return parts;
    }

    private (string? Forward, string? Wrong) Resolve(string template)
    {
        string content = template[Open.Length..^Close.Length];
        string? forward = forwards.Where(name => content.StartsWith($"{name}.", StringComparison.Ordinal)).MaxBy(static name => name.Length);
        if (forward is null)
        {
            if (content.Trim() is { Length: > 0 } trimmed && trimmed != content)
            {
                return (null, $"{template}: write {Open}{trimmed}{Close}, without spaces");
            }

            string[] words = content.Split('.', 2);
            return (null, _compared++ < MaxCompared && Nearest.Of(words[0], forwards) is { } near ? $"{template}: there is no forward {words[0]}; did you mean {near}?"
                : $"{template}: there is no forward {words[0]} in the file");
        }

        // A port's name may be known to the cluster only.
        string field = content[(forward.Length + 1)..];
        string[] parts = field.Split('.');
        if (parts.Length <= 2 && parts.All(static part => part.Length > 0) && Fields.Contains(parts[^1]))
        {
            return (forward, null);
        }

        return (forward, Nearest.Of(parts[^1], Fields) is { } meant
            ? $"{template}: did you mean {Open}{forward}.{meant}{Close}?"
            : $"{template}: {forward} has {string.Join(", ", Fields)}, and PORT.{Fields[1]} and so on for each port");
    }
}
