using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Targets;

public sealed class LabelSelectorsTests
{
    [Fact]
    public void A_selector_is_written_as_kubectl_sends_it()
    {
        var selector = new LabelSelector
        {
            MatchLabels = new Dictionary<string, string>(StringComparer.Ordinal) { ["z"] = "1", ["app"] = "x" },
            MatchExpressions =
            [
                new LabelSelectorRequirement { Key = "t", Operator = "In", Values = ["b", "a"] },
                new LabelSelectorRequirement { Key = "u", Operator = "NotIn", Values = ["c"] },
                new LabelSelectorRequirement { Key = "e", Operator = "Exists" },
                new LabelSelectorRequirement { Key = "f", Operator = "DoesNotExist" },
            ],
        };

        LabelSelectors.Format(selector).Should().Be("app=x,e,!f,t in (a,b),u notin (c),z=1");
    }

    [Fact]
    public void Nothing_is_written_for_no_selector()
    {
        LabelSelectors.Format(null).Should().BeEmpty();
        LabelSelectors.Format(new LabelSelector()).Should().BeEmpty();
    }

    [Fact]
    public void An_unknown_operator_is_refused() =>
        FluentActions.Invoking(() => LabelSelectors.Format(new LabelSelector { MatchExpressions = [new LabelSelectorRequirement { Key = "a", Operator = "Bogus" }] }))
            .Should().Throw<ClusterException>().WithMessage("invalid label selector: \"Bogus\" is not a valid label selector operator");
}
