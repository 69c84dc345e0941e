using System.Globalization;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>Writes selectors in the API's text form, the requirements in kubectl's order: by key.</summary>
internal static class LabelSelectors
{
    private static readonly Dictionary<string, string> NoLabels = new(StringComparer.Ordinal);

    /// <summary>A selector; empty for none.</summary>
    /// <exception cref="ClusterException">An operator is unknown.</exception>
    public static string Format(LabelSelector? selector)
    {
        IEnumerable<(string Key, string Text)> labels = from label in selector?.MatchLabels ?? NoLabels select (label.Key, $"{label.Key}={label.Value}");
        IEnumerable<(string Key, string Text)> expressions = from expression in selector?.MatchExpressions ?? [] select (expression.Key, Format(expression));
        return string.Join(',', labels.Concat(expressions).OrderBy(part => part.Key, StringComparer.Ordinal).Select(part => part.Text));
    }

    /// <summary>Whether labels are what a selector asks for, as the API server would say it.</summary>
    /// <exception cref="ClusterException">An operator is unknown.</exception>
    public static bool Matches(LabelSelector selector, IDictionary<string, string>? labels)
    {
        labels ??= NoLabels;
        return (selector.MatchLabels ?? NoLabels).All(wanted => labels.TryGetValue(wanted.Key, out string? value) && value == wanted.Value)
            && (selector.MatchExpressions ?? []).All(requirement => Matches(requirement, labels));
    }

    private static bool Matches(LabelSelectorRequirement requirement, IDictionary<string, string> labels)
    {
        string? value = labels.TryGetValue(requirement.Key, out string? found) ? found : null;
        bool isNamed = value is not null && requirement.Values?.Contains(value) == true;
        return requirement.Operator switch
        {
            "In" => isNamed,
            "NotIn" => !isNamed,
            "Exists" => value is not null,
            "DoesNotExist" => value is null,
            "Gt" => Difference(value, requirement) > 0,
            "Lt" => Difference(value, requirement) < 0,
            _ => throw UnknownOperator(requirement),
        };
    }

    /// <summary>How a label compares with a number; zero if either is none.</summary>
    private static int Difference(string? value, LabelSelectorRequirement requirement) =>
        TryReadNumber(value, out long number) && TryReadNumber(requirement.Values?.FirstOrDefault(), out long limit) ? number.CompareTo(limit) : 0;

    private static bool TryReadNumber(string? text, out long number) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);

    private static ClusterException UnknownOperator(LabelSelectorRequirement requirement) =>
        new($"invalid label selector: \"{requirement.Operator}\" is not a valid label selector operator");

    private static string Format(LabelSelectorRequirement requirement)
    {
        string values = string.Join(',', (requirement.Values ?? []).Order(StringComparer.Ordinal));
        return requirement.Operator switch
        {
            "In" => $"{requirement.Key} in ({values})",
            "NotIn" => $"{requirement.Key} notin ({values})",
            "Exists" => requirement.Key,
            "DoesNotExist" => $"!{requirement.Key}",
            _ => throw UnknownOperator(requirement),
        };
    }
}
