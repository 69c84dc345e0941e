using System.Net;
using PortForward.Forwarding;

namespace PortForward.Tests.Forwarding;

public sealed class ListenAddressTests
{
    [Theory]
    [InlineData("localhost", "127.0.0.1=localhost ::1=localhost")]
    [InlineData("127.0.0.1", "127.0.0.1=127.0.0.1")]
    [InlineData("0.0.0.0", "0.0.0.0=0.0.0.0")]
    [InlineData("::", "::=::")]
    [InlineData("::1", "::1=::1")]
    [InlineData("fe80::1", "fe80::1=fe80::1")]
    [InlineData("10.1.2.3,::1", "10.1.2.3=10.1.2.3 ::1=::1")]
    [InlineData("10.1.2.3 10.1.2.4", "10.1.2.3=10.1.2.3 10.1.2.4=10.1.2.4")]
    [InlineData("10.1.2.3 10.1.2.3,10.1.2.3", "10.1.2.3=10.1.2.3")]
    [InlineData("localhost,localhost", "127.0.0.1=localhost ::1=localhost")]
    [InlineData("localhost,127.0.0.1", "127.0.0.1=127.0.0.1 ::1=localhost")]
    [InlineData("127.0.0.1,localhost", "127.0.0.1=127.0.0.1 ::1=localhost")]
    [InlineData("::1 localhost", "127.0.0.1=localhost ::1=::1")]
    [InlineData("localhost,127.0.0.2", "127.0.0.1=localhost 127.0.0.2=127.0.0.2 ::1=localhost")]
    [InlineData("0:0:0:0:0:0:0:1,::1", "::1=::1")]
    [InlineData("::ffff:127.0.0.1", "127.0.0.1=::ffff:127.0.0.1")]
    public void Addresses_are_read_with_the_group_they_fail_with(string values, string expected)
    {
        IReadOnlyList<ListenAddress> addresses = ListenAddress.Parse(values.Split(' '));

        string.Join(' ', addresses.Select(address => $"{address.Address}={address.Group}")).Should().Be(expected);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("127.1")]
    [InlineData("0x7f.0.0.1")]
    [InlineData("127.0.0.01")]
    [InlineData("127.0.0.256")]
    [InlineData("127.0.0.1111")]
    [InlineData("127.0.0.")]
    [InlineData("1.2.3.4.5")]
    [InlineData("1.2.3.4:80")]
    [InlineData("[::1]")]
    [InlineData("::g")]
    [InlineData("fe80::1%eth0")]
    [InlineData("::1/64")]
    [InlineData(" 127.0.0.1")]
    [InlineData("LOCALHOST")]
    [InlineData("example.com")]
    public void Anything_else_is_refused_in_the_words_of_kubectl(string value)
    {
        Action parse = () => ListenAddress.Parse(["127.0.0.1", value]);

        parse.Should().Throw<FormatException>().WithMessage($"{value} is not a valid IP");
    }

    [Fact]
    public void Empty_values_are_passed_over_as_long_as_there_is_another()
    {
        Action parse = () => ListenAddress.Parse(["", ""]);

        ListenAddress.Parse(["", "::1"]).Should().ContainSingle();
        parse.Should().Throw<FormatException>().WithMessage("you must specify at least 1 address");
    }

    [Fact]
    public void An_empty_item_of_a_list_is_refused()
    {
        Action parse = () => ListenAddress.Parse(["127.0.0.1,"]);

        parse.Should().Throw<FormatException>();
    }

    [Fact]
    public void The_addresses_are_the_real_ones()
    {
        ListenAddress.Parse(["localhost"]).Select(address => address.Address).Should().Equal(IPAddress.Loopback, IPAddress.IPv6Loopback);
    }
}
