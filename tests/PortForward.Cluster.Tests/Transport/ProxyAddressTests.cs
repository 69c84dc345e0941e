using System.Text;
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
    [InlineData("http://proxy.test:3128/path?x#y", "http://proxy.test:3128")]
    [InlineData("http://proxy_under:3128", "http://proxy_under:3128")]
    [InlineData(" http://proxy.test:3128\r\n", "http://proxy.test:3128")]
    public void An_address_is_told_without_its_password(string text, string expected) =>
        ProxyAddress.Parse(text, "test").ToString().Should().Be(expected);

    [Theory]
    [InlineData("http://proxy.test", null, null)]
    [InlineData("http://jane@proxy.test", "jane", "")]
    [InlineData("http://jane:@proxy.test", "jane", "")]
    [InlineData("http://:word@proxy.test", "", "word")]
    [InlineData("http://@proxy.test", "", "")]
    [InlineData("http://jane:p@ss@proxy.test:1", "jane", "p@ss")]
    [InlineData("http://jane@mail.test:p@ss@proxy.test:1/", "jane@mail.test", "p@ss")]
    [InlineData("socks5://jane:p@ss@proxy.test", "jane", "p@ss")]
    [InlineData("http://jane:p:w@proxy.test", "jane", "p:w")]
    [InlineData("http://jane:100%@proxy.test", "jane", "100%")]
    [InlineData("http://jane:p%zz%4@proxy.test", "jane", "p%zz%4")]
    [InlineData("http://jane:p w@proxy.test", "jane", "p w")]
    [InlineData("http://CORP\\jane:p\\w@proxy.test", "CORP\\jane", "p\\w")]
    [InlineData("http://jane:p[w]\"^|<>{}`@proxy.test", "jane", "p[w]\"^|<>{}`")]
    [InlineData("http://jane:!$&'()*+,;=~-._@proxy.test", "jane", "!$&'()*+,;=~-._")]
    [InlineData("http://jane:a%40b%3Ac%25:d@proxy.test", "jane", "a@b:c%:d")]
    [InlineData("http://j%C3%A4ne:ü@proxy.test", "jäne", "ü")]
    public void User_and_password_may_be_in_it(string text, string? username, string? password)
    {
        var proxy = ProxyAddress.Parse(text, "test");

        (proxy.User is null ? null : Encoding.UTF8.GetString(proxy.User.Name)).Should().Be(username);
        (proxy.User is null ? null : Encoding.UTF8.GetString(proxy.User.Password)).Should().Be(password);
        proxy.ToString().Should().Contain("://proxy.test:");
    }

    [Fact]
    public void A_password_need_not_be_text() => ProxyAddress.Parse("http://jane:%E4%ff@proxy.test", "test").User!.Password.Should().Equal(0xe4, 0xff);

    [Theory]
    [InlineData("")]
    [InlineData("proxy.test:3128")]
    [InlineData("//proxy.test:3128")]
    [InlineData("http:/proxy.test:3128")]
    [InlineData("http:proxy.test:3128")]
    [InlineData("http///proxy.test:3128")]
    [InlineData("http://")]
    [InlineData("http:///proxy.test:3128")]
    [InlineData("http://:3128")]
    [InlineData("http://proxy.test:abc")]
    [InlineData("http://proxy.test:99999")]
    [InlineData("http://::1:3128")]
    [InlineData("http://${PROXY}:3128")]
    [InlineData("http://one.test:1,http://two.test:2")]
    [InlineData("\"http://proxy.test:3128\"")]
    [InlineData("socks://proxy.test")]
    [InlineData("socks4a://proxy.test")]
    [InlineData("ssh://proxy.test")]
    [InlineData("/etc/passwd")]
    public void Anything_else_is_refused(string text)
    {
        Action parse = () => ProxyAddress.Parse(text, "proxy-url of cluster \"c\"");

        parse.Should().Throw<ClusterException>().WithMessage("proxy-url of cluster \"c\" is no proxy address: it must be an http, https, socks5 or socks5h URL");
    }

    [Theory]
    [InlineData("jane:s3cr3t@proxy.test:3128")]
    [InlineData("ftp://jane:s3cr3t@proxy.test")]
    [InlineData("socks4://jane:s3cr3t@proxy.test")]
    [InlineData("http://jane:s3cr3t@")]
    [InlineData("http://jane:s3/cr3t@proxy.test:3128")]
    [InlineData("http://jane:s3?cr3t@proxy.test:3128")]
    [InlineData("http://jane:s3#cr3t@proxy.test:3128")]
    [InlineData("http://jane:3/cr3t@proxy.test:3128")]
    [InlineData("http://jane/s3cr3t@proxy.test:3128")]
    public void A_password_is_not_repeated_and_what_may_be_wrong_with_it_is_told(string text)
    {
        Action parse = () => ProxyAddress.Parse(text, "HTTPS_PROXY");

        parse.Should().Throw<ClusterException>().WithMessage(
            "HTTPS_PROXY is no proxy address: it must be an http, https, socks5 or socks5h URL; in its password write / as %2F, ? as %3F, # as %23 and % as %25");
    }
}
