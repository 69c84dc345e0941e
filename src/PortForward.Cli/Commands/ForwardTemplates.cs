using System.Text;
using PortForward.Cluster;

namespace PortForward.Cli.Commands;

/// <summary>
/// Fills in where a forward can be reached: <c>{{db.host}}</c>, <c>{{db.port}}</c>, <c>{{db.addr}}</c> for the first port of the forward <c>db</c>,
/// <c>{{db.5432.port}}</c> and <c>{{db.pg.port}}</c> for each. What names no forward of the run stays as it is: other programs use such braces, too.
/// </summary>
internal static class ForwardTemplates
{
    private const string Open = "{{", Close = "}}";

    /// <summary>Fills in a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="forwards">The forwards, all ready.</param>
    /// <exception cref="RunException">A forward has no such field.</exception>
    public static string Fill(string text, IReadOnlyCollection<Forward> forwards)
    {
        var filled = new StringBuilder();
        int at = 0;
        while (text.IndexOf(Open, at, StringComparison.Ordinal) is >= 0 and int open)
        {
            int end = text.IndexOfAny(['{', '}'], open + Open.Length);
            bool isTemplate = end > 0 && text.AsSpan(end).StartsWith(Close, StringComparison.Ordinal);
            int next = isTemplate ? end + Close.Length : open + 1;
            filled.Append(text, at, open - at).Append(isTemplate ? Value(text[open..next], forwards) : text[open..next]);
            at = next;
        }

        return filled.Append(text, at, text.Length - at).ToString();
    }

    /// <summary>Host and port of a forward's first port, as they stand in a URL.</summary>
    public static string AddressOf(Forward forward) => forward.Host.Contains(':', StringComparison.Ordinal) ? $"[{forward.Host}]:{forward.Port}" : $"{forward.Host}:{forward.Port}";

    private static string Value(string template, IReadOnlyCollection<Forward> forwards)
    {
        string content = template[Open.Length..^Close.Length];
        Forward? named = forwards.Where(forward => content.StartsWith($"{forward.Name}.", StringComparison.Ordinal)).MaxBy(static forward => forward.Name.Length);
        return named is null ? template : Field(named, content[(named.Name.Length + 1)..], template);
    }

    private static string Field(Forward forward, string field, string template)
    {
        const string PortOf = ".port";
        ForwardPort? port = !field.EndsWith(PortOf, StringComparison.Ordinal) ? null
            : forward.Ports.FirstOrDefault(port => field[..^PortOf.Length] is var called && (called == port.Name || called == $"{port.Number}"));
        return field switch
        {
            "host" => forward.Host,
            "port" => $"{forward.Port}",
            "addr" => AddressOf(forward),
            _ when port is { Local: [var local, ..] } => $"{local.Port}",
            _ => throw new RunException($"{template}: the forward {forward.Name} has {string.Join(", ", FieldsOf(forward))} (--no-templates passes it on as it is)", CommandRun.NotStarted),
        };
    }

    private static IEnumerable<string> FieldsOf(Forward forward) => ((string[])["host", "port", "addr"])
        .Concat(forward.Ports.SelectMany(static port => (string?[])[$"{port.Number}", port.Name]).OfType<string>().Select(static called => $"{called}.port"));
}
