using System.Net;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

public sealed class FallbackDialerTests
{
    private readonly FakeDialer _preferred = new() { Transport = "preferred" };
    private readonly FakeDialer _other = new() { Transport = "other" };
    private readonly FallbackDialer _dialer;

    public FallbackDialerTests() => _dialer = new FallbackDialer([_preferred, _other]);

    [Fact]
    public async Task The_preferred_transport_is_used_while_it_works()
    {
        for (int i = 0; i < 3; i++)
        {
            (await _dialer.DialAsync(CancellationToken.None)).Tunnel.Should().NotBeNull();
        }

        (_preferred.Dials, _other.Dials).Should().Be((3, 0));
        _dialer.Transport.Should().Be("preferred");
    }

    [Theory]
    [InlineData(HttpStatusCode.BadRequest)]
    [InlineData(HttpStatusCode.Forbidden)]
    [InlineData(HttpStatusCode.MethodNotAllowed)]
    [InlineData(HttpStatusCode.UpgradeRequired)]
    [InlineData(HttpStatusCode.InternalServerError)]
    [InlineData(HttpStatusCode.BadGateway)]
    public async Task A_refused_upgrade_leads_to_the_other_transport_which_is_remembered(HttpStatusCode refusal)
    {
        _preferred.FailNext(Refused(refusal));

        (await _dialer.DialAsync(CancellationToken.None)).Tunnel.Should().NotBeNull();
        (await _dialer.DialAsync(CancellationToken.None)).Tunnel.Should().NotBeNull();

        (_preferred.Dials, _other.Dials).Should().Be((1, 2));
        _dialer.Transport.Should().Be("other");
    }

    [Fact]
    public async Task A_wrong_switch_of_protocols_leads_to_the_other_transport()
    {
        _preferred.FailNext(new TunnelFault(TunnelFaultKind.BadUpgrade, "wrong subprotocol"));

        (await _dialer.DialAsync(CancellationToken.None)).Tunnel.Should().NotBeNull();

        _dialer.Transport.Should().Be("other");
    }

    [Theory]
    [InlineData(HttpStatusCode.Unauthorized)]
    [InlineData(HttpStatusCode.NotFound)]
    [InlineData(HttpStatusCode.TooManyRequests)]
    public async Task An_answer_that_every_transport_would_get_is_final(HttpStatusCode refusal)
    {
        _preferred.FailNext(Refused(refusal));

        (await _dialer.DialAsync(CancellationToken.None)).Fault!.StatusCode.Should().Be(refusal);

        _other.Dials.Should().Be(0);
    }

    [Theory]
    [InlineData(TunnelFaultKind.Unreachable)]
    [InlineData(TunnelFaultKind.TimedOut)]
    public async Task A_server_that_cannot_be_reached_is_not_asked_again(TunnelFaultKind kind)
    {
        _preferred.FailNext(new TunnelFault(kind, "no road"));

        (await _dialer.DialAsync(CancellationToken.None)).Fault!.Kind.Should().Be(kind);

        _other.Dials.Should().Be(0);
    }

    [Fact]
    public async Task When_all_refuse_the_last_answer_counts_and_the_preferred_one_is_tried_first_again()
    {
        _preferred.FailNext(Refused(HttpStatusCode.BadRequest));
        _other.FailNext(Refused(HttpStatusCode.Forbidden));

        (await _dialer.DialAsync(CancellationToken.None)).Fault!.StatusCode.Should().Be(HttpStatusCode.Forbidden);

        (await _dialer.DialAsync(CancellationToken.None)).Tunnel.Should().NotBeNull();
        (_preferred.Dials, _other.Dials).Should().Be((2, 1));
    }

    [Fact]
    public async Task A_transport_that_worked_once_and_is_refused_later_leads_back_to_the_others()
    {
        _preferred.FailNext(Refused(HttpStatusCode.BadRequest));
        await _dialer.DialAsync(CancellationToken.None);
        _other.FailNext(Refused(HttpStatusCode.BadGateway));

        (await _dialer.DialAsync(CancellationToken.None)).Tunnel.Should().NotBeNull();

        _dialer.Transport.Should().Be("preferred");
    }

    [Fact]
    public void No_transport_at_all_is_an_error()
    {
        Action create = () => _ = new FallbackDialer([]);

        create.Should().Throw<ArgumentOutOfRangeException>();
    }

    private static TunnelFault Refused(HttpStatusCode status) => new(TunnelFaultKind.Refused, $"{(int)status}") { StatusCode = status };
}
