using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>Writes selectors in the API's text form, the requirements in kubectl's order: by key.</summary>
internal static class LabelSelectors
{
    private static readonly Dictionary<string, string> NoLabels = new(StringComparer.Ordinal);

    /// <summary>A selector of labels that must all have their values; empty for none.</summary>
    public static string Format(IDictionary<string, string>? labels) => Format(new LabelSelector { MatchLabels = labels });

    /// <summary>A workload's selector; empty for none.</summary>
    /// <exception cref="ClusterException">An operator is unknown.</exception>
    public static string Format(LabelSelector? selector)
    {
        IEnumerable<(string Key, string Text)> labels = from label in selector?.MatchLabels ?? NoLabels select (label.Key, $"{label.Key}={label.Value}");
        IEnumerable<(string Key, string Text)> expressions = from expression in selector?.MatchExpressions ?? [] select (expression.Key, Format(expression));
        return string.Join(',', labels.Concat(expressions).OrderBy(part => part.Key, StringComparer.Ordinal).Select(part => part.Text));
    }

    private static string Format(LabelSelectorRequirement requirement)
    {
        string values = string.Join(',', (requirement.Values ?? []).Order(StringComparer.Ordinal));
        return requirement.Operator switch
        {
            "In" => $"{requirement.Key} in ({values})",
            "NotIn" => $"{requirement.Key} notin ({values})",
            "Exists" => requirement.Key,
            "DoesNotExist" => $"!{requirement.Key}",
            _ => throw new ClusterException($"invalid label selector: \"{requirement.Operator}\" is not a valid label selector operator"),
        };
    }
}
