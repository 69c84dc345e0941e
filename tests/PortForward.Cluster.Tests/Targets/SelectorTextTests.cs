using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Targets;

public sealed class SelectorTextTests
{
    [Theory]
    [InlineData("app=web", "app In web")]
    [InlineData("app==web", "app In web")]
    [InlineData("app!=web", "app NotIn web")]
    [InlineData("app", "app Exists")]
    [InlineData("!app", "app DoesNotExist")]
    [InlineData(" ! app ", "app DoesNotExist")]
    [InlineData("tier in (front,back)", "tier In front|back")]
    [InlineData("tier in(front)", "tier In front")]
    [InlineData("tier notin ( front , back )", "tier NotIn front|back")]
    [InlineData("app=web,tier in (a,b),!canary,track", "app In web; tier In a|b; canary DoesNotExist; track Exists")]
    [InlineData("\tapp = web ,\n tier != b", "app In web; tier NotIn b")]
    [InlineData("app.kubernetes.io/name=my_app-1.0", "app.kubernetes.io/name In my_app-1.0")]
    [InlineData("app=", "app In ")]
    [InlineData("app=,b=c", "app In ; b In c")]
    [InlineData("app in (,)", "app In |")]
    [InlineData("app in (a,)", "app In a|")]
    [InlineData("app=a,app=b", "app In a; app In b")]
    [InlineData("in in (in,notin)", "in In in|notin")]
    [InlineData("in", "in Exists")]
    [InlineData("notin=in", "notin In in")]
    [InlineData("version>4", "version Gt 4")]
    [InlineData("version < 2", "version Lt 2")]
    public void A_selector_is_read_as_the_API_server_reads_it(string text, string expected)
    {
        SelectorText.TryParse(text, out LabelSelector? selector, out string? error).Should().BeTrue(error);

        string.Join("; ", selector!.MatchExpressions!.Select(one => $"{one.Key} {one.Operator}{(one.Values is null ? "" : $" {string.Join('|', one.Values)}")}"))
            .Should().Be(expected);
    }

    [Theory]
    [InlineData("", "a selector must not be empty, since it would mean every pod of the namespace")]
    [InlineData(" \t", "a selector must not be empty, since it would mean every pod of the namespace")]
    [InlineData("=web", "invalid selector \"=web\": the name of a label is expected, not \"=\"")]
    [InlineData("app=web,", "invalid selector \"app=web,\": the name of a label is missing at its end")]
    [InlineData(",app", "invalid selector \",app\": the name of a label is expected, not \",\"")]
    [InlineData("app web", "invalid selector \"app web\": one of =, ==, !=, in, notin is expected, not \"web\"")]
    [InlineData("app=web db", "invalid selector \"app=web db\": a comma or the end is expected, not \"db\"")]
    [InlineData("app===web", "invalid selector \"app===web\": a value is expected, not \"=\"")]
    [InlineData("!app=web", "invalid selector \"!app=web\": a comma or the end is expected, not \"=\"")]
    [InlineData("!", "invalid selector \"!\": the name of a label is missing at its end")]
    [InlineData("app in web", "invalid selector \"app in web\": '(' and values is expected, not \"web\"")]
    [InlineData("app in", "invalid selector \"app in\": '(' and values is missing at its end")]
    [InlineData("app in ()", "invalid selector \"app in ()\": there is no value between '(' and ')'")]
    [InlineData("app in (a b)", "invalid selector \"app in (a b)\": a comma or ')' is expected, not \"b\"")]
    [InlineData("app in (a", "invalid selector \"app in (a\": a comma or ')' is missing at its end")]
    [InlineData("app in (a)b", "invalid selector \"app in (a)b\": a comma or the end is expected, not \"b\"")]
    [InlineData("app)", "invalid selector \"app)\": one of =, ==, !=, in, notin is expected, not \")\"")]
    [InlineData("app=*", "invalid selector \"app=*\": \"*\" is no value of a label, which has at most 63 letters, digits, '-', '_' and '.', the first and last one a letter or digit")]
    [InlineData("app=-a", "invalid selector \"app=-a\": \"-a\" is no value of a label, which has at most 63 letters, digits, '-', '_' and '.', the first and last one a letter or digit")]
    [InlineData("a/b/c", "invalid selector \"a/b/c\": \"a/b/c\" is no name of a label, which is as in app or app.kubernetes.io/name")]
    [InlineData("/b", "invalid selector \"/b\": \"/b\" is no name of a label, which is as in app or app.kubernetes.io/name")]
    [InlineData("UP/b", "invalid selector \"UP/b\": \"UP/b\" is no name of a label, which is as in app or app.kubernetes.io/name")]
    [InlineData("-app", "invalid selector \"-app\": \"-app\" is no name of a label, which is as in app or app.kubernetes.io/name")]
    [InlineData("version>new", "invalid selector \"version>new\": \"new\" is no whole number")]
    public void A_malformed_selector_is_refused_in_one_sentence(string text, string expected)
    {
        SelectorText.TryParse(text, out _, out string? error).Should().BeFalse();

        error.Should().Be(expected);
        TargetReference.TryParse($"selector/{text}", out _, out string? same).Should().BeFalse();
        same.Should().Be(expected.Replace($"\"{text}\":", $"\"{text.Trim()}\":", StringComparison.Ordinal));
    }

    [Fact]
    public void Labels_have_at_most_sixty_three_letters()
    {
        string longest = new('a', 63);
        SelectorText.TryParse($"{longest}={longest}", out _, out _).Should().BeTrue();
        SelectorText.TryParse($"{longest}b", out _, out _).Should().BeFalse();
        SelectorText.TryParse($"a={longest}b", out _, out _).Should().BeFalse();
    }

    [Theory]
    [InlineData("app=web", "a b")]
    [InlineData("app!=web", "c d")]
    [InlineData("app", "a b c")]
    [InlineData("!app", "d")]
    [InlineData("app in (web,db),tier", "a c")]
    [InlineData("tier notin (front)", "b c d")]
    [InlineData("app=web,app=db", "")]
    [InlineData("version>4", "b")]
    [InlineData("version<4", "a")]
    [InlineData("version>x", null)]
    public void What_was_read_matches_labels_as_the_API_server_matches_them(string text, string? expected)
    {
        static Dictionary<string, string> labels(params string[] pairs) =>
            pairs.Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
        (string Name, Dictionary<string, string>? Labels)[] pods =
        [
            ("a", labels("app=web", "tier=front", "version=3")), ("b", labels("app=web", "version=5")), ("c", labels("app=db", "tier=back", "version=new")), ("d", null),
        ];

        string? matching = SelectorText.TryParse(text, out LabelSelector? selector, out _)
            ? string.Join(' ', pods.Where(pod => LabelSelectors.Matches(selector, pod.Labels)).Select(pod => pod.Name)) : null;

        matching.Should().Be(expected);
    }
}
