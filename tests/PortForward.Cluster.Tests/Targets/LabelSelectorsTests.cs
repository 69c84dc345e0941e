using k8s.Models;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Targets;

public sealed class LabelSelectorsTests
{
    [Fact]
    public void A_selector_is_written_as_kubectl_sends_it()
    {
        var selector = new V1LabelSelector
        {
            MatchLabels = new Dictionary<string, string>(StringComparer.Ordinal) { ["z"] = "1", ["app"] = "x" },
            MatchExpressions =
            [
                new V1LabelSelectorRequirement { Key = "t", OperatorProperty = "In", Values = ["b", "a"] },
                new V1LabelSelectorRequirement { Key = "u", OperatorProperty = "NotIn", Values = ["c"] },
                new V1LabelSelectorRequirement { Key = "e", OperatorProperty = "Exists" },
                new V1LabelSelectorRequirement { Key = "f", OperatorProperty = "DoesNotExist" },
            ],
        };

        LabelSelectors.Format(selector).Should().Be("app=x,e,!f,t in (a,b),u notin (c),z=1");
    }

    [Fact]
    public void Nothing_is_written_for_no_selector()
    {
        LabelSelectors.Format((V1LabelSelector?)null).Should().BeEmpty();
        LabelSelectors.Format((IDictionary<string, string>?)null).Should().BeEmpty();
        LabelSelectors.Format(new V1LabelSelector()).Should().BeEmpty();
    }

    [Fact]
    public void An_unknown_operator_is_refused() =>
        FluentActions.Invoking(() => LabelSelectors.Format(new V1LabelSelector { MatchExpressions = [new V1LabelSelectorRequirement { Key = "a", OperatorProperty = "Bogus" }] }))
            .Should().Throw<ClusterException>().WithMessage("invalid label selector: \"Bogus\" is not a valid label selector operator");
}
