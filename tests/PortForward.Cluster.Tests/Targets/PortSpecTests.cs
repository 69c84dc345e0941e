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

    [Theory]
    [InlineData("unix:/run/db.sock:5432", "/run/db.sock", "5432", 5432)]
    [InlineData("unix:/run/db.sock:pg", "/run/db.sock", "pg", null)]
    [InlineData("unix:/run/a:b.sock:80", "/run/a:b.sock", "80", 80)]
    [InlineData("unix:/run/../tmp/db.sock:80", "/tmp/db.sock", "80", 80)]
    [InlineData("unix:///run/db.sock:80", "/run/db.sock", "80", 80)]
    [InlineData("unix:/run/user/1000/.s.PGSQL.5432:5432", "/run/user/1000/.s.PGSQL.5432", "5432", 5432)]
    public void A_socket_file_is_read_too(string text, string path, string remote, int? remotePort)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // There a path begins with a drive.
        }

        PortSpec port = PortSpec.Parse(text);

        (port.Path, port.LocalPort, port.Address, port.Remote, port.RemotePort).Should().Be((path, 0, null, remote, remotePort));
        port.ToString().Should().Be(text);
    }

    [Theory]
    [InlineData("unix:db.sock:80", "db.sock")]
    [InlineData("unix:./db.sock:80", "db.sock")]
    [InlineData("unix:run/db.sock:80", "run/db.sock")]
    [InlineData("unix:C\\db.sock:80", "C\\db.sock")]
    public void Its_path_may_be_relative_and_is_whole_from_then_on(string text, string path) =>
        PortSpec.Parse(text).Path.Should().Be(Path.GetFullPath(path));

    [Theory]
    [InlineData("unix:80", "a path or a remote port is missing, expected unix:PATH:REMOTE")]
    [InlineData("unix:", "a path or a remote port is missing, expected unix:PATH:REMOTE")]
    [InlineData("unix:/run/db.sock", "a path or a remote port is missing, expected unix:PATH:REMOTE")]
    [InlineData("unix::80", "the path is missing, expected unix:PATH:REMOTE")]
    [InlineData("unix:/run/db.sock:", "the remote port is missing, expected unix:PATH:REMOTE")]
    [InlineData("unix:/run/db.sock:0", "the remote port must be from 1 to 65535")]
    [InlineData("unix:/run/db.sock:a_b", "the remote port must be a number from 1 to 65535 or the name of a port")]
    [InlineData("unix:~/db.sock:80", "shells replace ~ only where a word begins with it; write $HOME instead")]
    [InlineData("unix:/run/a\u0007b:80", "the path has control characters")]
    public void A_socket_file_that_cannot_be_is_refused(string text, string why)
    {
        PortSpec.TryParse(text, out _, out string? error).Should().BeFalse();
        error.Should().Be($"invalid port \"{text}\": {why}");
    }

    [Fact]
    public void A_port_that_is_called_unix_stays_one() => PortSpec.Parse("unix:unix").Should().Match<PortSpec>(port => port.Path == null && port.Remote == "unix");

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
    [InlineData("8010-8000:80", "a range goes from the lower port to the higher one, as in 8000-8010")]
    [InlineData("[::1]:8010-8000:80", "a range goes from the lower port to the higher one, as in 8000-8010")]
    [InlineData("10-0:80", Local)]
    [InlineData("70000-8000:80", Local)]
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
