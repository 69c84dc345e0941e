using FsCheck.Xunit;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Targets;

public sealed class PortSpecTests
{
    [Theory]
    [InlineData("5000", null, "5000", 5000)]
    [InlineData("1", null, "1", 1)]
    [InlineData("65535", null, "65535", 65535)]
    [InlineData("080", null, "080", 80)]
    [InlineData("8888:5000", 8888, "5000", 5000)]
    [InlineData("5000:5000", 5000, "5000", 5000)]
    [InlineData("65535:1", 65535, "1", 1)]
    [InlineData(":5000", 0, "5000", 5000)]
    [InlineData("0:5000", 0, "5000", 5000)]
    [InlineData("http", null, "http", null)]
    [InlineData("8443:https", 8443, "https", null)]
    [InlineData(":https", 0, "https", null)]
    [InlineData("http:http", null, "http", null)]
    [InlineData("5000-web", null, "5000-web", null)]
    public void Ports_are_read_as_kubectl_reads_them(string text, int? local, string remote, int? remotePort)
    {
        PortSpec port = PortSpec.Parse(text);

        port.LocalPort.Should().Be(local);
        port.Remote.Should().Be(remote);
        port.RemotePort.Should().Be(remotePort);
        port.ToString().Should().Be(text);
    }

    [Theory]
    [InlineData("127.0.0.2:8080:80", "127.0.0.2", 8080, null, "80")]
    [InlineData("localhost:8080:80", "localhost", 8080, null, "80")]
    [InlineData("127.0.0.2::http", "127.0.0.2", 0, null, "http")]
    [InlineData("[::1]:8080:80", "::1", 8080, null, "80")]
    [InlineData("8000-8010:80", null, 8000, 8010, "80")]
    [InlineData("8000-8000:80", null, 8000, 8000, "80")]
    [InlineData("[::1]:8000-8010:80", "::1", 8000, 8010, "80")]
    public void An_address_and_a_range_are_read_too(string text, string? address, int local, int? last, string remote)
    {
        PortSpec port = PortSpec.Parse(text);

        (port.Address, port.LocalPort, port.LastLocalPort, port.Remote).Should().Be((address, local, last, remote));
        port.ToString().Should().Be(text);
    }

    [Theory]
    [InlineData("8080:80", 8080)]
    [InlineData("80", 80)]
    [InlineData("[::1]:8080:http", 8080)]
    [InlineData(":80", null)]
    [InlineData("http", null)]
    [InlineData("8000-8010:80", null)]
    public void The_one_local_port_that_it_is_to_have_is_known_without_the_cluster(string text, int? port)
    {
        PortSpec.Parse(text).FixedLocalPort.Should().Be(port);
    }

    private const string Form = "expected [LOCAL:]REMOTE, or ADDRESS:LOCAL:REMOTE";
    private const string RemoteRange = "the remote port must be from 1 to 65535";
    private const string RemoteForm = "the remote port must be a number from 1 to 65535 or the name of a port";
    private const string Local = "the local port must be a number from 0 to 65535, or be left out for any free port";
    private const string Missing = "the remote port is missing, expected [LOCAL:]REMOTE";

    [Theory]
    [InlineData("1:2:3", Form)]
    [InlineData("::", Form)]
    [InlineData("1.2.3:80:80", Form)]
    [InlineData("localhost:1:2:3", Form)]
    [InlineData("[::1]:80", Form)]
    [InlineData("[::1]:1:2:3", Form)]
    [InlineData("[::1", Form)]
    [InlineData("[127.0.0.2]:8080:80", "brackets are for IPv6 addresses, write 127.0.0.2:8080:80")]
    [InlineData("[localhost]:8080:80", "brackets are for IPv6 addresses, write localhost:8080:80")]
    [InlineData("[web]:80:80", "web is not a valid IP")]
    [InlineData("[]:80:80", " is not a valid IP")]
    [InlineData("[::1,::2]:80:80", "::1,::2 is not a valid IP")]
    [InlineData("8080:localhost:80", "the address comes first, as in localhost:8080:80")]
    [InlineData("8080:127.0.0.1:80", "the address comes first, as in 127.0.0.1:8080:80")]
    [InlineData("8010-8000:80", Local)]
    [InlineData("0-10:80", Local)]
    [InlineData("8000-70000:80", Local)]
    [InlineData("8000-:80", Local)]
    [InlineData("1-2-3:80", Local)]
    [InlineData("", Missing)]
    [InlineData(":", Missing)]
    [InlineData("80:", Missing)]
    [InlineData("0", RemoteRange)]
    [InlineData("80:0", RemoteRange)]
    [InlineData("65536", RemoteRange)]
    [InlineData("70000", RemoteRange)]
    [InlineData("99999999999999999999", RemoteRange)]
    [InlineData("-1", RemoteForm)]
    [InlineData("+80", RemoteForm)]
    [InlineData("1.5", RemoteForm)]
    [InlineData("80 ", RemoteForm)]
    [InlineData("-web", RemoteForm)]
    [InlineData("8080:a/b", RemoteForm)]
    [InlineData("70000:80", Local)]
    [InlineData("99999999999999999999:80", Local)]
    [InlineData("-1:80", Local)]
    [InlineData("a:80", Local)]
    [InlineData("http:https", Local)]
    [InlineData("٣:80", Local)]
    public void What_is_no_port_is_refused_with_the_reason(string text, string reason)
    {
        string error = $"invalid port \"{text}\": {reason}";

        PortSpec.TryParse(text, out PortSpec? port, out string? told).Should().BeFalse();
        port.Should().BeNull();
        told.Should().Be(error);
        FluentActions.Invoking(() => PortSpec.Parse(text)).Should().Throw<FormatException>().WithMessage(error);
    }

    [Property(MaxTest = 500)]
    public void Any_two_numbers_in_range_are_a_port(ushort local, ushort remote)
    {
        if (remote == 0)
        {
            remote = 1;
        }

        PortSpec port = PortSpec.Parse($"{local}:{remote}");

        port.LocalPort.Should().Be(local);
        port.RemotePort.Should().Be(remote);
    }

    [Property(MaxTest = 500)]
    public void Any_text_is_either_a_port_in_range_or_refused(string? text)
    {
        if (PortSpec.TryParse(text ?? "", out PortSpec? port, out string? error))
        {
            port.LocalPort.Should().Match(local => local == null || (local >= 0 && local <= 65535));
            port.RemotePort.Should().Match(remote => remote == null || (remote >= 1 && remote <= 65535));
        }
        else
        {
            error.Should().StartWith("invalid port ");
        }
    }
}
