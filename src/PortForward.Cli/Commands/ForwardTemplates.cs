using System.Text;
using PortForward.Cluster;

namespace PortForward.Cli.Commands;

/// <summary>
/// Fills in where a forward can be reached: <c>{{db.host}}</c>, <c>{{db.port}}</c>, <c>{{db.addr}}</c> for the first port of the forward <c>db</c>,
/// <c>{{db.5432.port}}</c>, <c>{{db.pg.addr}}</c> and so on for each, and <c>{{db.path}}</c> for a socket file. What names no forward of the run stays as it is: other
/// programs use such braces, too.
/// </summary>
internal static class ForwardTemplates
{
    private const string Open = "{{", Close = "}}";

    /// <summary>Fills in a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="forwards">The forwards, all ready.</param>
    /// <param name="advice">What can be done about a template with a mistake.</param>
    /// <exception cref="RunException">A forward has no such field.</exception>
    public static string Fill(string text, IReadOnlyCollection<Forward> forwards, string advice = " (--no-templates passes it on as it is)")
    {
        var filled = new StringBuilder();
        int at = 0;
        while (text.IndexOf(Open, at, StringComparison.Ordinal) is >= 0 and int open)
        {
            int end = text.IndexOfAny(['{', '}'], open + Open.Length);
            bool isTemplate = end > 0 && text.AsSpan(end).StartsWith(Close, StringComparison.Ordinal);
            int next = isTemplate ? end + Close.Length : open + 1;
            filled.Append(text, at, open - at).Append(isTemplate ? Value(text[open..next], forwards, advice) : text[open..next]);
            at = next;
        }

        return filled.Append(text, at, text.Length - at).ToString();
    }

    /// <summary>
    /// Where a port can be reached: its host and port, both as they stand in a URL, and the path if it is a socket file. Then the address is <c>unix:</c> and the path.
    /// </summary>
    public static IEnumerable<(string Field, string Value)> Describe(ForwardPort port)
    {
        yield return ("host", port.Host);
        yield return ("port", $"{port.Port}");
        yield return ("addr", port.Path is { } socket ? $"unix:{socket}"
            : port.Host.Contains(':', StringComparison.Ordinal) ? $"[{port.Host}]:{port.Port}"
            : $"{port.Host}:{port.Port}");
        if (port.Path is { } path)
        {
            yield return ("path", path);
        }
    }

    private static string Value(string template, IReadOnlyCollection<Forward> forwards, string advice)
    {
        string content = template[Open.Length..^Close.Length];
        Forward? named = forwards.Where(forward => content.StartsWith($"{forward.Name}.", StringComparison.Ordinal)).MaxBy(static forward => forward.Name.Length);
        return named is null ? template : Field(named, content[(named.Name.Length + 1)..], template, advice);
    }

    private static string Field(Forward forward, string field, string template, string advice)
    {
        Dictionary<string, string> fields = FieldsOf(forward);
        string near = Nearest.Of(field, fields.Keys) is { } meant ? $"did you mean {{{{{forward.Name}.{meant}}}}}?" : $"it has {string.Join(", ", fields.Keys)}";
        return fields.TryGetValue(field, out string? value) ? value
            : throw new RunException($"{template}: the forward {forward.Name} has no {field}: {near}{advice}", CommandRun.NotStarted);
    }

    /// <summary>What can be told of a forward: of its first port, and of each by its number and its name. Of two with the same number the first one counts.</summary>
    private static Dictionary<string, string> FieldsOf(Forward forward)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        Add("", forward.First);
        foreach (ForwardPort port in forward.Ports)
        {
            Add($"{port.Number}.", port);
        }

        foreach (ForwardPort port in forward.Ports.Where(static port => port.Name is not null))
        {
            Add($"{port.Name}.", port);
        }

        return fields;

        void Add(string prefix, ForwardPort port)
        {
            foreach ((string field, string value) in Describe(port))
            {
                fields.TryAdd($"{prefix}{field}", value);
            }
        }
    }
}
