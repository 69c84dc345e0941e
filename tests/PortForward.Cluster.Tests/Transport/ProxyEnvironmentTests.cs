using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Transport;

public class ProxyEnvironmentTests
{
    [Theory]
    [InlineData("https://c.test", "HTTPS_PROXY=http://a.test:1;HTTP_PROXY=http://b.test:2", "http://a.test:1")]
    [InlineData("http://c.test", "HTTPS_PROXY=http://a.test:1;HTTP_PROXY=http://b.test:2", "http://b.test:2")]
    [InlineData("https://c.test", "https_proxy=http://a.test:1", "http://a.test:1")]
    [InlineData("https://c.test", "https_proxy=http://a.test:1;HTTPS_PROXY=http://b.test:2", "http://b.test:2")]
    [InlineData("https://c.test", "HTTPS_PROXY=;https_proxy=http://a.test:1", "http://a.test:1")]
    [InlineData("https://c.test", "HTTP_PROXY=http://a.test:1", null)]
    [InlineData("https://c.test", "ALL_PROXY=http://a.test:1", null)]
    [InlineData("https://c.test", "", null)]
    [InlineData("https://c.test", "HTTPS_PROXY=a.test:3128", "http://a.test:3128")]
    [InlineData("https://c.test", "HTTPS_PROXY=a.test", "http://a.test:80")]
    [InlineData("https://c.test", "HTTPS_PROXY=10.0.0.1:3128", "http://10.0.0.1:3128")]
    [InlineData("https://c.test", "HTTPS_PROXY=jane:word@a.test:3128", "http://a.test:3128")]
    [InlineData("https://c.test", "HTTPS_PROXY=socks5://a.test", "socks5://a.test:1080")]
    [InlineData("https://c.test", "HTTPS_PROXY=jane:w@rd@a.test:3128", "http://a.test:3128")]
    [InlineData("https://c.test", "HTTPS_PROXY=a.test:3128/", "http://a.test:3128")]
    [InlineData("https://c.test", "HTTPS_PROXY=HTTP://a.test:3128/path", "http://a.test:3128")]
    [InlineData("https://c.test", "HTTPS_PROXY=[::1]:3128", "http://[::1]:3128")]
    [InlineData("https://c.test", "HTTPS_PROXY= a.test:3128 ", "http://a.test:3128")]
    [InlineData("https://c.test", "HTTPS_PROXY=http://a.test:3128\n", "http://a.test:3128")]
    [InlineData("https://c.test", "HTTPS_PROXY=  ", null)]
    [InlineData("https://localhost:6443", "HTTPS_PROXY=http://a.test:1", null)]
    [InlineData("https://127.0.0.1:6443", "HTTPS_PROXY=http://a.test:1", null)]
    [InlineData("https://127.8.9.10:6443", "HTTPS_PROXY=http://a.test:1", null)]
    [InlineData("https://[::1]:6443", "HTTPS_PROXY=http://a.test:1", null)]
    [InlineData("https://[::ffff:127.0.0.1]:6443", "HTTPS_PROXY=http://a.test:1", null)]
    [InlineData("https://c.localhost:6443", "HTTPS_PROXY=http://a.test:1", "http://a.test:1")]
    public void The_variables_count_as_in_Go(string server, string variables, string? expected) => (Find(server, variables)?.ToString()).Should().Be(expected);

    [Theory]
    [InlineData("///")]
    [InlineData("//a.test:3128")]
    [InlineData("http:/a.test:3128")]
    [InlineData("http:a.test:3128")]
    [InlineData("http//a.test:3128")]
    [InlineData("https//a.test")]
    [InlineData("http://")]
    [InlineData(":3128")]
    [InlineData("a.test:99999")]
    [InlineData("\"http://a.test:3128\"")]
    [InlineData("\"a.test:3128\"")]
    [InlineData("<a.test:3128>")]
    [InlineData("PROXY a.test:3128")]
    [InlineData("http=a.test:3128;https=a.test:3128")]
    [InlineData("a.test:1,b.test:2")]
    [InlineData("$HTTP_PROXY")]
    [InlineData("ftp://a.test")]
    [InlineData("socks4://a.test")]
    [InlineData("ftp://jane:s3cr3t@a.test")]
    [InlineData("jane:s3/cr3t@a.test:3128")]
    [InlineData("http://jane:s3#cr3t@a.test:3128")]
    public void What_cannot_be_read_is_refused_and_not_repeated_and_never_means_a_direct_connection(string value)
    {
        Action find = () => Find("https://c.test", "HTTPS_PROXY", value);

        find.Should().Throw<ClusterException>().Which.Message.Should().StartWith("HTTPS_PROXY is no proxy address: it must be an http, https, socks5 or socks5h URL").And.NotContain("cr3t");
        Find("https://localhost", "HTTPS_PROXY", value).Should().BeNull("it is not needed");
    }

    [Theory]
    [InlineData("https://c.test", "*", true)]
    [InlineData("https://c.test", "x.test,*", true)]
    [InlineData("https://c.test", "c.test", true)]
    [InlineData("https://c.test", "C.Test", true)]
    [InlineData("https://C.TEST", "c.test", true)]
    [InlineData("https://c.test", " x.test , c.test ", true)]
    [InlineData("https://c.test", "", false)]
    [InlineData("https://c.test", ",, ,", false)]
    [InlineData("https://c.test", "test", true)]
    [InlineData("https://c.test", "est", false)]
    [InlineData("https://a.c.test", "c.test", true)]
    [InlineData("https://ac.test", "c.test", false)]
    [InlineData("https://c.test", ".c.test", false)]
    [InlineData("https://a.c.test", ".c.test", true)]
    [InlineData("https://c.test", "*.c.test", false)]
    [InlineData("https://a.c.test", "*.c.test", true)]
    [InlineData("https://a.b.c.test", "*.c.test", true)]
    [InlineData("https://abc.test", "a*.test", false)]
    [InlineData("https://c.test", "c.test:443", true)]
    [InlineData("https://c.test:6443", "c.test:443", false)]
    [InlineData("https://c.test:6443", "c.test:6443", true)]
    [InlineData("https://c.test:6443", "c.test", true)]
    [InlineData("https://c.test:6443", "c.test:x", false)]
    [InlineData("https://c.test:6443", ":6443", false)]
    [InlineData("https://10.1.2.3", "10.1.2.3", true)]
    [InlineData("https://10.1.2.3", "10.1.2.4", false)]
    [InlineData("https://10.1.2.3:6443", "10.1.2.3:6443", true)]
    [InlineData("https://10.1.2.3:6443", "10.1.2.3:443", false)]
    [InlineData("https://10.1.2.3", "10.0.0.0/8", true)]
    [InlineData("https://10.1.2.3", "10.9.9.9/8", true)]
    [InlineData("https://11.1.2.3", "10.0.0.0/8", false)]
    [InlineData("https://10.1.2.3", "10.1.2.0/30", true)]
    [InlineData("https://10.1.2.4", "10.1.2.0/30", false)]
    [InlineData("https://10.1.2.3", "10.1.2.3/32", true)]
    [InlineData("https://10.1.2.4", "10.1.2.3/32", false)]
    [InlineData("https://10.1.2.3", "0.0.0.0/0", true)]
    [InlineData("https://c.test", "0.0.0.0/0", false)]
    [InlineData("https://10.1.2.3", "10.0.0.0/33", false)]
    [InlineData("https://10.1.2.3", "10.0.0.0/x", false)]
    [InlineData("https://[fd00::1]", "fd00::/8", true)]
    [InlineData("https://[fe00::1]", "fd00::/8", false)]
    [InlineData("https://[fd00::1]", "fd00::1", true)]
    [InlineData("https://[fd00::1]", "[fd00::1]", true)]
    [InlineData("https://[fd00::1]:6443", "[fd00::1]:6443", true)]
    [InlineData("https://[fd00::1]:6443", "[fd00::1]:443", false)]
    [InlineData("https://[fd00::1]", "FD00:0:0::0001", true)]
    [InlineData("https://10.1.2.3", "::/0", false)]
    [InlineData("https://x.10.0", "10.0", true)]
    [InlineData("https://bücher.test", "bücher.test", true)]
    public void NO_PROXY_exempts_as_in_Go(string server, string noProxy, bool isExempt)
    {
        (Find(server, $"HTTPS_PROXY=http://a.test:1;NO_PROXY={noProxy}") is null).Should().Be(isExempt);
        (Find(server, $"HTTPS_PROXY=http://a.test:1;no_proxy={noProxy}") is null).Should().Be(isExempt);
    }

    private static ProxyAddress? Find(string server, string variable, string value) =>
        ProxyEnvironment.Find(ServerAddress.Parse(server).Uri, new LocalEnvironment { Variables = name => name == variable ? value : null });

    private static ProxyAddress? Find(string server, string variables)
    {
        var set = variables.Split(';', StringSplitOptions.RemoveEmptyEntries)
            .Select(one => one.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
        return ProxyEnvironment.Find(ServerAddress.Parse(server).Uri, new LocalEnvironment { Variables = name => set.GetValueOrDefault(name) });
    }
}
