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
    [InlineData("https://user:p@ss@example.test:6443", "https://example.test:6443/")]
    [InlineData("user:p@ss@example.test:6443", "http://example.test:6443/")]
    [InlineData("https://example.test/p@th", "https://example.test/p@th/")]
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
    public void The_password_ends_at_the_last_at_sign_before_the_path()
    {
        ServerAddress.Parse("https://us@er:p@ss:w@example.test/p@th").User!.Basic.Should().Be($"Basic {Convert.ToBase64String("us@er:p@ss:w"u8)}");
        ServerAddress.Parse("https://example.test/p@th").User.Should().BeNull();
        Action parse = () => ServerAddress.Parse("https://user:pa/s5word@example.test");
        parse.Should().Throw<ClusterException>().WithMessage("the server address \"example.test\" is no http or https URL and no host:port; in its password write / as %2F, ? as %3F, # as %23 and % as %25");
    }

    [Fact]
    public void A_password_in_it_is_kept_apart()
    {
        var address = ServerAddress.Parse("https://user:w%40rd@example.test");

        address.User!.Basic.Should().Be($"Basic {Convert.ToBase64String("user:w@rd"u8)}");
        address.ToString().Should().Be("https://example.test");
        Action parse = () => ServerAddress.Parse("ftp://user:s5cret@example.test");
        parse.Should().Throw<ClusterException>().Which.Message.Should().NotContain("s5cret");
        Action parseCutOff = () => ServerAddress.Parse("https://user:word");
        parseCutOff.Should().Throw<ClusterException>().WithMessage("the server address \"https://user:…\" is no *").Which.Message.Should().NotContain("word");
    }
}
