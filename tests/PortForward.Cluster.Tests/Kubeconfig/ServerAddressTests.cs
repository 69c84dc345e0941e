using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Tests.Kubeconfig;

public class ServerAddressTests
{
    [Theory]
    [InlineData("https://example.test:6443", "https://example.test:6443/")]
    [InlineData("https://example.test", "https://example.test/")]
    [InlineData("HTTPS://Example.test:443/", "https://example.test/")]
    [InlineData("https://example.test/k8s/clusters/c-1", "https://example.test/k8s/clusters/c-1/")]
    [InlineData("https://example.test/k8s//", "https://example.test/k8s/")]
    [InlineData("https://example.test/a%2Fb/?x=1#y", "https://example.test/a%2Fb/")]
    [InlineData("https://[::1]:6443", "https://[::1]:6443/")]
    [InlineData("example.test:6443", "http://example.test:6443/")]
    [InlineData("localhost:8080", "http://localhost:8080/")]
    [InlineData("127.0.0.1:8080", "http://127.0.0.1:8080/")]
    [InlineData("localhost", "http://localhost/")]
    [InlineData("[::1]:8080", "http://[::1]:8080/")]
    [InlineData("https://user:word@example.test:6443/p", "https://example.test:6443/p/")]
    public void An_address_is_taken_as_kubectl_takes_it(string text, string expected) =>
        ServerAddress.Parse(text).Uri.AbsoluteUri.Should().Be(expected);

    [Theory]
    [InlineData("ftp://example.test")]
    [InlineData("unix:///run/x.sock")]
    [InlineData("example.test/prefix")]
    [InlineData("https://")]
    [InlineData("https://a b")]
    [InlineData("https://host:99999")]
    public void Anything_else_is_refused(string text)
    {
        Action parse = () => ServerAddress.Parse(text);

        parse.Should().Throw<ClusterException>().WithMessage($"the server address \"{text}\" is no http or https URL and no host:port");
    }

    [Fact]
    public void A_password_in_it_is_kept_apart()
    {
        var address = ServerAddress.Parse("https://user:w%40rd@example.test");

        address.UserInfo.Should().Be("user:w%40rd");
        address.ToString().Should().Be("https://example.test");
        Action parse = () => ServerAddress.Parse("ftp://user:word@example.test");
        parse.Should().Throw<ClusterException>().Which.Message.Should().NotContain("word");
        Action parseCutOff = () => ServerAddress.Parse("https://user:word");
        parseCutOff.Should().Throw<ClusterException>().WithMessage("the server address \"https://user:…\" is no *").Which.Message.Should().NotContain("word");
    }
}
