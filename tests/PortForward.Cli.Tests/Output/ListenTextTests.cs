using System.Net;
using System.Net.Sockets;
using PortForward.Cli.Output;
using PortForward.Forwarding;

namespace PortForward.Cli.Tests.Output;

/// <summary>What to do about an address or a port that cannot be had.</summary>
public sealed class ListenTextTests
{
    [Theory]
    [InlineData(80, 80, "try 8080:80")]
    [InlineData(443, 8443, "try 8443:8443")]
    [InlineData(1023, 80, "try 9023:80")]
    public void A_low_port_needs_a_right(int local, int target, string advice)
    {
        Advise(SocketError.AccessDenied, local, target).Should().Contain("below 1024").And.EndWith(advice);
    }

    [Theory]
    [InlineData(1024)]
    [InlineData(8080)]
    [InlineData(60_000)]
    [InlineData(65_535)]
    public void A_port_that_is_not_low_is_denied_for_another_reason_and_no_port_that_does_not_exist_is_proposed(int local)
    {
        string advice = Advise(SocketError.AccessDenied, local, 80);

        advice.Should().NotContain("1024").And.Contain("security module").And.EndWith("\":80\" takes any free port").And.NotContain($"{local + 8000}");
    }

    [Fact]
    public void Where_any_free_port_is_denied_no_other_is_proposed()
    {
        Advise(SocketError.AccessDenied, 0, 80).Should().NotContain("takes any free port").And.Contain("security module");
    }

    [Theory]
    [InlineData(80)]
    [InlineData(50_000)]
    public void On_Windows_a_port_is_denied_because_it_is_reserved_or_another_programs_alone(int local)
    {
        string advice = Advise(SocketError.AccessDenied, local, 80, isWindows: true);

        advice.Should().Contain("excludedportrange").And.NotContain("1024").And.EndWith("\":80\" takes any free port");
    }

    [Fact]
    public void Of_a_port_in_use_the_program_is_to_be_stopped()
    {
        Advise(SocketError.AddressAlreadyInUse, 8080, 80).Should().Be("stop the program that has it, or use another one: \":80\" takes any free port");
    }

    [Fact]
    public void An_address_that_is_not_here_is_to_be_replaced()
    {
        Advise(SocketError.AddressNotAvailable, 8080, 80).Should().Be("choose another --address");
    }

    [Fact]
    public void Of_too_many_open_files_no_other_address_or_port_is_proposed()
    {
        Advise(SocketError.TooManyOpenSockets, 0, 80).Should().Be("start pf under a higher limit of open files, see ulimit -n");
    }

    [Theory]
    [InlineData(SocketError.AddressAlreadyInUse, "clients that try it first reach another program")]
    [InlineData(SocketError.AccessDenied, "clients that know no other address are refused")]
    public void Only_where_another_program_listens_its_clients_reach_it(SocketError error, string consequence)
    {
        ListenText.Consequence(new ListenFailure(error)).Should().Be(consequence);
    }

    [Fact]
    public void The_advice_names_the_port_as_it_was_asked_for()
    {
        var ofService = new PortUnavailable(80, 8080, [(new IPEndPoint(IPAddress.Loopback, 80), new ListenFailure(SocketError.AddressAlreadyInUse))]) { Requested = "http" };

        ListenText.Advise(ofService, isWindows: false).Should().EndWith("\":http\" takes any free port");
    }

    private static string Advise(SocketError error, int local, int target, bool isWindows = false) =>
        ListenText.Advise(new PortUnavailable(local, target, [(new IPEndPoint(IPAddress.Loopback, local), new ListenFailure(error))]), isWindows);
}
