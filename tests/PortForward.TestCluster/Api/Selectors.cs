using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace PortForward.Testing.Api;

/// <summary>Label and field selectors, as they stand in a request's query.</summary>
internal static partial class Selectors
{
    public delegate bool Selector(JsonObject json);

    /// <summary>One condition made of both selectors; empty ones select everything.</summary>
    /// <exception cref="FormatException">The text is no selector; the message is the API server's.</exception>
    public static Selector Parse(string labelSelector, string fieldSelector)
    {
        var requirements = SplitLabels(labelSelector).Select(ParseLabel).Concat(
            fieldSelector.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(ParseField)).ToArray();
        return json => requirements.All(requirement => requirement(json));
    }

    private static IEnumerable<string> SplitLabels(string text) =>
        Commas().Split(text).Select(part => part.Trim()).Where(part => part.Length > 0);

    private static Selector ParseLabel(string text)
    {
        var match = LabelRequirement().Match(text);
        if (!match.Success)
            throw new FormatException($"unable to parse requirement: found '{text}'");

        var key = match.Groups["key"].Value;
        var op = match.Groups["op"].Value.Trim();
        if (match.Groups["not"].Success)
            return json => Label(json, key) is null;
        if (op.Length == 0)
            return json => Label(json, key) is not null;

        var values = match.Groups["values"].Value.Trim('(', ')').Split(',').Select(value => value.Trim()).ToArray();
        return op is "=" or "==" or "in"
            ? json => Label(json, key) is { } value && values.Contains(value, StringComparer.Ordinal)
            : json => Label(json, key) is not { } value || !values.Contains(value, StringComparer.Ordinal);
    }

    private static Selector ParseField(string text)
    {
        var match = FieldRequirement().Match(text);
        if (!match.Success)
            throw new FormatException($"invalid field selector: '{text}'");

        var path = match.Groups["path"].Value.Split('.');
        if (path[0] is not ("metadata" or "status" or "spec" or "involvedObject" or "type" or "reason"))
            throw new FormatException($"field label not supported: {match.Groups["path"].Value}");
        var value = match.Groups["value"].Value;
        var negative = match.Groups["op"].Value == "!=";
        return json => negative != string.Equals(Field(json, path), value, StringComparison.Ordinal);
    }

    private static string? Label(JsonObject json, string key) => (string?)json["metadata"]?["labels"]?[key];

    private static string Field(JsonNode json, string[] path)
    {
        JsonNode? node = json;
        foreach (var name in path)
            node = node?[name];
        return node?.ToString() ?? "";
    }

    [GeneratedRegex(@",(?![^(]*\))", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Commas();

    [GeneratedRegex(@"^(?<not>!)?\s*(?<key>[\w./-]+)(?<op>\s*!=|\s*==|\s*=|\s+in\s+|\s+notin\s+|)\s*(?<values>\([^)]*\)|[\w.-]*)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex LabelRequirement();

    [GeneratedRegex("^(?<path>[A-Za-z.]+)(?<op>!=|==|=)(?<value>.*)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex FieldRequirement();
}
