namespace PortForward.Cluster.Tests.Client;

public sealed class ServiceHostTests
{
    [Theory]
    [InlineData("web", "web", null)]
    [InlineData("web-2", "web-2", null)]
    [InlineData("web.shop", "web", "shop")]
    [InlineData("web.2024", "web", "2024")]
    [InlineData("web.shop.svc", "web", "shop")]
    [InlineData("web.shop.svc.cluster.local", "web", "shop")]
    public void Names_of_services_are_those_that_the_cluster_has(string host, string service, string? @namespace)
    {
        ServiceHost.Parse(host).Should().Be(new ServiceHost(service, @namespace));
    }

    [Theory]
    [InlineData("")]
    [InlineData("127.0.0.1")]
    [InlineData("10.1")]
    [InlineData("::1")]
    [InlineData("[::1]")]
    [InlineData("web.")]
    [InlineData(".shop")]
    [InlineData("web..svc")]
    [InlineData("web.shop.pod")]
    [InlineData("web.shop.svc.cluster")]
    [InlineData("web.shop.svc.example.com")]
    [InlineData("www.web.shop.svc.cluster.local")]
    [InlineData("web_1")]
    [InlineData("Web")]
    [InlineData("-web")]
    [InlineData("web-.shop")]
    [InlineData("a123456789b123456789c123456789d123456789e123456789f123456789g123.shop")]
    public void Anything_else_fails_with_one_sentence(string host)
    {
        FluentActions.Invoking(() => ServiceHost.Parse(host)).Should().Throw<ClusterException>().WithMessage($"\"{host}\" is no name of a service: *");
    }
}
