using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Client;

/// <summary>What the forwards of a set are called.</summary>
public sealed class ForwardNamesTests
{
    [Theory]
    [InlineData("svc/web", "web")]
    [InlineData("svc/web deploy/api", "web api")]
    [InlineData("svc/web deploy/web", "svc-web deploy-web")]
    [InlineData("svc/web svc/web svc/web", "svc-web svc-web-2 svc-web-3")]
    [InlineData("web pod/web service/web sts/web ds/web job/web rc/web rs/web", "pod-web pod-web-2 svc-web sts-web ds-web job-web rc-web rs-web")]
    [InlineData("db=svc/postgres svc/web", "db web")]
    [InlineData("web=svc/postgres svc/web", "web svc-web")]
    [InlineData("svc-web=svc/postgres web=svc/other svc/web", "svc-web web svc-web-2")]
    [InlineData("svc/a svc/b svc/a", "svc-a b svc-a-2")]
    [InlineData("selector/app svc/selector", "selector svc-selector")]
    [InlineData("selector/app selector/tier", "selector selector-2")]
    public void A_forward_is_called_as_asked_else_after_its_target(string forwards, string names)
    {
        Names(forwards).Should().Equal(names.Split(' '));
    }

    [Fact]
    public void Two_cannot_be_asked_to_have_the_same_name() =>
        FluentActions.Invoking(() => Names("db=svc/a db=svc/b")).Should().Throw<ArgumentException>().WithMessage("Two forwards are called db.*");

    private static IReadOnlyList<string> Names(string forwards) => ForwardNames.Of([.. forwards.Split(' ').Select(static forward => forward.Split('=') switch
    {
        [var name, var target] => ((string?)name, TargetReference.Parse(target)),
        [var target] => (null, TargetReference.Parse(target)),
        _ => throw new FormatException(forward),
    })]);
}
