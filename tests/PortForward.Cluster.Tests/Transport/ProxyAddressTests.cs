using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Transport;

public class ProxyAddressTests
{
    [Theory]
    [InlineData("http://proxy.test", "http://proxy.test:80")]
    [InlineData("http://proxy.test:80", "http://proxy.test:80")]
    [InlineData("HTTP://proxy.test:3128/path", "http://proxy.test:3128")]
    [InlineData("https://proxy.test", "https://proxy.test:443")]
    [InlineData("https://proxy.test:80", "https://proxy.test:80")]
    [InlineData("socks5://proxy.test", "socks5://proxy.test:1080")]
    [InlineData("socks5h://proxy.test:80", "socks5://proxy.test:80")]
    [InlineData("http://[::1]:3128", "http://[::1]:3128")]
    [InlineData("http://bücher.test:1", "http://xn--bcher-kva.test:1")]
    [InlineData("http://jane:s3cr3t@proxy.test:1", "http://proxy.test:1")]
    public void An_address_is_told_without_its_password(string text, string expected) =>
        ProxyAddress.Parse(text, "test").ToString().Should().Be(expected);

    [Theory]
    [InlineData("http://proxy.test", null, null)]
    [InlineData("http://jane@proxy.test", "jane", "")]
    [InlineData("http://jane:@proxy.test", "jane", "")]
    [InlineData("http://jane:a%40b%3Ac%25:d@proxy.test", "jane", "a@b:c%:d")]
    [InlineData("http://j%C3%A4ne:ü@proxy.test", "jäne", "ü")]
    public void User_and_password_may_be_in_it(string text, string? username, string? password)
    {
        var proxy = ProxyAddress.Parse(text, "test");

        proxy.Username.Should().Be(username);
        proxy.Password.Should().Be(password);
    }

    [Theory]
    [InlineData("")]
    [InlineData("jane:s3cr3t@proxy.test:3128")]
    [InlineData("ftp://jane:s3cr3t@proxy.test")]
    [InlineData("socks4://jane:s3cr3t@proxy.test")]
    [InlineData("http://jane:s3cr3t@")]
    [InlineData("/etc/passwd")]
    public void Anything_else_is_refused_and_not_repeated(string text)
    {
        Action parse = () => ProxyAddress.Parse(text, "proxy-url of cluster \"c\"");

        parse.Should().Throw<ClusterException>().WithMessage("proxy-url of cluster \"c\" is no proxy address: it must be an http, https, socks5 or socks5h URL");
    }
}
