using System.Net;
using Microsoft.Extensions.Time.Testing;
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
    public async Task When_all_refuse_each_reason_is_told_and_the_preferred_one_is_tried_first_again()
    {
        _preferred.FailNext(Refused(HttpStatusCode.BadRequest));
        _other.FailNext(Refused(HttpStatusCode.BadGateway));

        TunnelFault fault = (await _dialer.DialAsync(CancellationToken.None)).Fault!;
        fault.Message.Should().Be("no transport works: preferred: 400; other: 502");
        fault.StatusCode.Should().BeNull();

        (await _dialer.DialAsync(CancellationToken.None)).Tunnel.Should().NotBeNull();
        (_preferred.Dials, _other.Dials).Should().Be((2, 1));
    }

    [Fact]
    public async Task When_all_refuse_alike_the_answer_to_the_transport_that_kubectl_knows_longest_counts()
    {
        var spdy = new FakeDialer { Transport = "spdy" };
        var dialer = new FallbackDialer([_preferred, spdy, _other]);
        TunnelFault expected = Refused(HttpStatusCode.Forbidden);
        _preferred.FailNext(Refused(HttpStatusCode.Forbidden));
        spdy.FailNext(expected);
        _other.FailNext(Refused(HttpStatusCode.Forbidden));

        (await dialer.DialAsync(CancellationToken.None)).Fault.Should().BeSameAs(expected);
    }

    [Fact]
    public async Task Each_transport_that_does_not_work_is_told_with_its_reason()
    {
        var told = new List<(string, TunnelFault)>();
        var dialer = new FallbackDialer([_preferred, _other], onFailed: (transport, fault) => told.Add((transport, fault)));
        var wrong = new TunnelFault(TunnelFaultKind.BadUpgrade, "wrong subprotocol");
        _preferred.FailNext(wrong);

        await dialer.DialAsync(CancellationToken.None);

        told.Should().Equal(("preferred", wrong));
    }

    [Fact]
    public async Task What_works_is_remembered_for_the_dialers_to_other_pods()
    {
        var memory = new TransportMemory();
        _preferred.FailNext(Refused(HttpStatusCode.BadRequest));
        await new FallbackDialer([_preferred, _other], memory).DialAsync(CancellationToken.None);

        await new FallbackDialer([_preferred, _other], memory).DialAsync(CancellationToken.None);

        (_preferred.Dials, _other.Dials).Should().Be((1, 2));
    }

    [Fact]
    public async Task A_tunnel_that_ends_before_anything_came_back_leads_to_the_other_transport()
    {
        _preferred.Prepare = tunnel => tunnel.Pong = Task.FromResult(false);

        (await _dialer.DialAsync(CancellationToken.None)).Tunnel.Should().NotBeNull();

        _dialer.Transport.Should().Be("other");
        _preferred.Tunnels.Single().Disposals.Should().Be(1);
    }

    [Fact]
    public async Task A_tunnel_through_which_nothing_comes_back_in_time_leads_to_the_other_transport()
    {
        var time = new FakeTimeProvider();
        var dialer = new FallbackDialer([_preferred, _other], options: new TunnelDialOptions { Time = time });
        _preferred.Prepare = tunnel => tunnel.Pong = new TaskCompletionSource<bool>().Task;

        Task<TunnelDialResult> dial = dialer.DialAsync(CancellationToken.None);
        dial.IsCompleted.Should().BeFalse();
        time.Advance(new TunnelDialOptions().ProofTimeout);

        (await dial.Soon()).Tunnel.Should().NotBeNull();
        dialer.Transport.Should().Be("other");
        _preferred.Tunnels.Single().Disposals.Should().Be(1);
    }

    [Fact]
    public async Task A_transport_that_has_worked_is_not_asked_to_prove_itself_again()
    {
        await _dialer.DialAsync(CancellationToken.None);
        _preferred.Prepare = tunnel => tunnel.Pong = new TaskCompletionSource<bool>().Task;

        (await _dialer.DialAsync(CancellationToken.None).Soon()).Tunnel.Should().NotBeNull();
    }

    [Fact]
    public async Task A_dial_that_is_given_up_while_it_waits_for_a_sign_of_life_leaves_no_tunnel_behind()
    {
        using var cancel = new CancellationTokenSource();
        _preferred.Prepare = tunnel => tunnel.Pong = new TaskCompletionSource<bool>().Task;
        Task<TunnelDialResult> dial = _dialer.DialAsync(cancel.Token);

        await cancel.CancelAsync();

        await FluentActions.Awaiting(() => dial.Soon()).Should().ThrowAsync<OperationCanceledException>();
        _preferred.Tunnels.Single().Disposals.Should().Be(1);
        _other.Dials.Should().Be(0);
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

    [Fact]
    public async Task It_says_that_a_server_has_accepted_before_it_is_known_whether_bytes_get_through()
    {
        var pong = new TaskCompletionSource<bool>();
        _preferred.FailNext(Refused(HttpStatusCode.Forbidden));
        _other.Prepare = tunnel => tunnel.Pong = pong.Task;

        Task<TunnelDialResult> dial = _dialer.DialAsync(CancellationToken.None);
        await _dialer.Accepted.WaitAsync(TimeSpan.FromSeconds(30));

        dial.IsCompleted.Should().BeFalse();
        pong.SetResult(true);
        (await dial).Tunnel.Should().NotBeNull();
    }

    [Fact]
    public async Task It_does_not_say_so_when_all_refuse()
    {
        _preferred.FailNext(Refused(HttpStatusCode.Forbidden));
        _other.FailNext(Refused(HttpStatusCode.Forbidden));

        (await _dialer.DialAsync(CancellationToken.None)).Fault.Should().NotBeNull();

        _dialer.Accepted.IsCompleted.Should().BeFalse();
    }

    private static TunnelFault Refused(HttpStatusCode status) => new(TunnelFaultKind.Refused, $"{(int)status}") { StatusCode = status };
}
