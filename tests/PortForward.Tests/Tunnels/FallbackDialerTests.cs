using System.Net;
using Microsoft.Extensions.Time.Testing;
using PortForward.Tests.Support;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels;

public sealed class FallbackDialerTests
{
    private readonly FakeDialer _preferred = new() { Transport = "preferred" };
    private readonly FakeDialer _other = new() { Transport = "other" };
    private readonly TransportMemory _memory = new();
    private readonly FallbackDialer _dialer;

    public FallbackDialerTests() => _dialer = new FallbackDialer([_preferred, _other], _memory);

    [Fact]
    public async Task The_preferred_transport_is_used_while_it_works()
    {
        for (int i = 0; i < 3; i++)
        {
            (await _dialer.DialAsync(CancellationToken.None)).Value.Should().NotBeNull();
        }

        (_preferred.Dials, _other.Dials).Should().Be((3, 0));
        _dialer.Transport.Should().Be("preferred");
    }

    [Theory]
    [InlineData(HttpStatusCode.BadRequest)]
    [InlineData(HttpStatusCode.Unauthorized)]
    [InlineData(HttpStatusCode.Forbidden)]
    [InlineData(HttpStatusCode.NotFound)]
    [InlineData(HttpStatusCode.MethodNotAllowed)]
    [InlineData(HttpStatusCode.UpgradeRequired)]
    [InlineData(HttpStatusCode.TooManyRequests)]
    [InlineData(HttpStatusCode.InternalServerError)]
    [InlineData(HttpStatusCode.BadGateway)]
    public async Task A_refused_upgrade_leads_to_the_other_transport_which_is_remembered(HttpStatusCode refusal)
    {
        _preferred.FailNext(Refused(refusal));

        (await _dialer.DialAsync(CancellationToken.None)).Value.Should().NotBeNull();
        (await _dialer.DialAsync(CancellationToken.None)).Value.Should().NotBeNull();

        (_preferred.Dials, _other.Dials).Should().Be((1, 2));
        _dialer.Transport.Should().Be("other");
    }

    [Fact]
    public async Task A_wrong_switch_of_protocols_leads_to_the_other_transport()
    {
        _preferred.FailNext(new TunnelFault(TunnelFaultKind.BadUpgrade, "wrong subprotocol"));

        (await _dialer.DialAsync(CancellationToken.None)).Value.Should().NotBeNull();

        _dialer.Transport.Should().Be("other");
    }

    [Fact]
    public async Task A_pod_that_does_not_exist_is_not_asked_for_again()
    {
        var dialer = new FallbackDialer([_preferred, _other], read: _ => RefusalMeaning.PodIsGone);
        TunnelFault gone = Refused(HttpStatusCode.NotFound);
        _preferred.FailNext(gone);

        (await dialer.DialAsync(CancellationToken.None)).Fault.Should().BeSameAs(gone);

        _other.Dials.Should().Be(0);
    }

    [Fact]
    public async Task A_server_that_asks_to_slow_down_is_asked_over_another_transport_only_once()
    {
        TunnelFault slowDown = Refused(HttpStatusCode.TooManyRequests) with { RetryAfter = TimeSpan.FromSeconds(7) };
        _preferred.FailNext(slowDown);
        _other.FailNext(slowDown);

        (await _dialer.DialAsync(CancellationToken.None)).Fault.Should().Be(slowDown);
        (_preferred.Dials, _other.Dials).Should().Be((1, 1));

        _preferred.FailNext(slowDown);
        (await new FallbackDialer([_preferred, _other], _memory).DialAsync(CancellationToken.None)).Fault.Should().Be(slowDown);
        (_preferred.Dials, _other.Dials).Should().Be((2, 1), "from now on it gets the wait that it asks for, whichever pod is dialled");
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
    public async Task When_all_refuse_the_first_reason_is_told_and_the_preferred_one_is_tried_first_again()
    {
        _preferred.FailNext(Refused(HttpStatusCode.BadRequest));
        _other.FailNext(Refused(HttpStatusCode.BadGateway));

        TunnelFault fault = (await _dialer.DialAsync(CancellationToken.None)).Fault!;
        (fault.Kind, fault.FailedTransport, fault.StatusCode).Should().Be((TunnelFaultKind.BadUpgrade, "preferred", HttpStatusCode.BadRequest));

        (await _dialer.DialAsync(CancellationToken.None)).Value.Should().NotBeNull();
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

        (await dialer.DialAsync(CancellationToken.None)).Fault.Should().Be(expected);
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

        (await _dialer.DialAsync(CancellationToken.None)).Value.Should().NotBeNull();

        _dialer.Transport.Should().Be("other");
        _preferred.Tunnels.Single().Disposals.Should().Be(1);
    }

    [Fact]
    public async Task A_tunnel_through_which_nothing_comes_back_in_time_leads_to_the_other_transport()
    {
        var time = new FakeTimeProvider();
        var dialer = new FallbackDialer([_preferred, _other], options: new TunnelDialOptions { Time = time });
        _preferred.Prepare = tunnel => tunnel.Pong = new TaskCompletionSource<bool>().Task;

        Task<Attempt<ITunnel>> dial = dialer.DialAsync(CancellationToken.None);
        dial.IsCompleted.Should().BeFalse();
        time.Advance(new TunnelDialOptions().ProofTimeout);

        (await dial.Soon()).Value.Should().NotBeNull();
        dialer.Transport.Should().Be("other");
        _preferred.Tunnels.Single().Disposals.Should().Be(1);
    }

    [Fact]
    public async Task A_transport_that_has_worked_is_not_asked_to_prove_itself_again()
    {
        await _dialer.DialAsync(CancellationToken.None);
        _preferred.Prepare = tunnel => tunnel.Pong = new TaskCompletionSource<bool>().Task;

        (await _dialer.DialAsync(CancellationToken.None).Soon()).Value.Should().NotBeNull();
    }

    [Fact]
    public async Task A_dial_that_is_cancelled_while_it_waits_for_a_pong_leaves_no_tunnel_behind()
    {
        using var cancel = new CancellationTokenSource();
        _preferred.Prepare = tunnel => tunnel.Pong = new TaskCompletionSource<bool>().Task;
        Task<Attempt<ITunnel>> dial = _dialer.DialAsync(cancel.Token);

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
        _other.FailNext(Refused(HttpStatusCode.MethodNotAllowed));

        (await _dialer.DialAsync(CancellationToken.None)).Value.Should().NotBeNull();

        _dialer.Transport.Should().Be("preferred");
    }

    [Theory]
    [InlineData(HttpStatusCode.Unauthorized)]
    [InlineData(HttpStatusCode.NotFound)]
    [InlineData(HttpStatusCode.TooManyRequests)]
    [InlineData(HttpStatusCode.InternalServerError)]
    [InlineData(HttpStatusCode.BadGateway)]
    [InlineData(HttpStatusCode.ServiceUnavailable)]
    [InlineData(HttpStatusCode.GatewayTimeout)]
    public async Task A_bad_moment_of_a_server_is_bridged_by_the_other_transport_and_degrades_nothing(HttpStatusCode passing)
    {
        await _dialer.DialAsync(CancellationToken.None);
        _preferred.FailNext(Refused(passing));

        (await _dialer.DialAsync(CancellationToken.None)).Value.Should().BeSameAs(_other.Tunnels.Single());

        _dialer.Transport.Should().Be("preferred");
        (await _dialer.DialAsync(CancellationToken.None)).Value.Should().BeSameAs(_preferred.Tunnels.Last());
        _other.Dials.Should().Be(1);
    }

    [Fact]
    public async Task A_connection_that_was_cut_instead_of_an_answer_is_bridged_likewise()
    {
        await _dialer.DialAsync(CancellationToken.None);
        _preferred.FailNext(new TunnelFault(TunnelFaultKind.BadUpgrade, "cut") { Cause = new IOException() });

        (await _dialer.DialAsync(CancellationToken.None)).Value.Should().BeSameAs(_other.Tunnels.Single());

        _dialer.Transport.Should().Be("preferred");
    }

    [Fact]
    public async Task A_tunnel_that_ends_before_a_byte_came_makes_a_transport_that_has_worked_prove_it_again()
    {
        await _dialer.DialAsync(CancellationToken.None);
        _preferred.Prepare = tunnel => (tunnel.BytesReceived, tunnel.Pong) = (0, Task.FromResult(false));
        (await _dialer.DialAsync(CancellationToken.None)).Value.Should().NotBeNull("it has worked, and so nothing is proved");

        _preferred.Tunnels.Last().Die();
        await Waiting.UntilAsync(() => _memory.Works is null);

        (await _dialer.DialAsync(CancellationToken.None).Soon()).Value.Should().BeSameAs(_other.Tunnels.Single());
        _memory.Works.Should().Be("other");
    }

    [Fact]
    public async Task A_tunnel_that_ends_after_it_has_carried_bytes_says_nothing_against_its_transport()
    {
        await _dialer.DialAsync(CancellationToken.None);
        await _dialer.DialAsync(CancellationToken.None);

        _preferred.Tunnels.Last().Die();
        await _preferred.Tunnels.Last().Completion.Soon();

        _memory.Works.Should().Be("preferred");
        _preferred.Prepare = tunnel => tunnel.Pong = new TaskCompletionSource<bool>().Task;
        (await _dialer.DialAsync(CancellationToken.None).Soon()).Value.Should().NotBeNull();
    }

    [Fact]
    public async Task A_tunnel_that_has_received_nothing_of_a_transport_that_is_not_used_any_more_changes_nothing()
    {
        await _dialer.DialAsync(CancellationToken.None);
        _preferred.Prepare = tunnel => tunnel.BytesReceived = 0;
        await _dialer.DialAsync(CancellationToken.None);
        _preferred.FailNext(Refused(HttpStatusCode.Forbidden));
        await _dialer.DialAsync(CancellationToken.None);

        _preferred.Tunnels.Last().Die();
        await _preferred.Tunnels.Last().Completion.Soon();

        _memory.Works.Should().Be("other");
    }

    [Fact]
    public async Task However_long_two_silent_transports_take_the_third_is_dialled()
    {
        var time = new CountingTime();
        var third = new FakeDialer { Transport = "third" };
        await using var pool = new TunnelPool(
            new FallbackDialer([_preferred, _other, third], options: new TunnelDialOptions { Time = time }), new TunnelPoolOptions { Time = time });
        _preferred.Prepare = _other.Prepare = tunnel => tunnel.Pong = new TaskCompletionSource<bool>().Task;

        Task<TunnelFault?> prepared = pool.ConnectAsync(CancellationToken.None);
        await time.AdvanceUntilAsync(() => third.Dials == 1);

        (await prepared.Soon()).Should().BeNull();
        (_preferred.Tunnels.Single().Disposals, _other.Tunnels.Single().Disposals).Should().Be((1, 1));
    }

    [Fact]
    public async Task A_dial_that_the_transport_does_not_end_is_ended_and_no_other_transport_asked()
    {
        var time = new CountingTime();
        var dialer = new FallbackDialer([_preferred, _other], options: new TunnelDialOptions { Time = time });
        _preferred.Gate = new TaskCompletionSource().Task;

        Task<Attempt<ITunnel>> dial = dialer.DialAsync(CancellationToken.None);
        time.Advance(new TunnelDialOptions().DialTimeout);

        TunnelFault fault = (await dial.Soon()).Fault!;
        (fault.Kind, fault.Message).Should().Be((TunnelFaultKind.TimedOut, "the server did not answer within 10 s"));
        _other.Dials.Should().Be(0);
    }

    [Fact]
    public async Task A_slow_dial_takes_nothing_from_the_time_of_its_proof()
    {
        var time = new CountingTime();
        var answer = new TaskCompletionSource();
        var pong = new TaskCompletionSource<bool>();
        var dialer = new FallbackDialer([_preferred, _other], options: new TunnelDialOptions { Time = time });
        _preferred.Gate = answer.Task;
        _preferred.Prepare = tunnel => tunnel.Pong = pong.Task;

        Task<Attempt<ITunnel>> dial = dialer.DialAsync(CancellationToken.None);
        time.Advance(TimeSpan.FromSeconds(9));
        answer.SetResult();
        await dialer.Accepted.Soon();
        time.Advance(TimeSpan.FromSeconds(4));
        pong.SetResult(true);

        (await dial.Soon()).Value.Should().BeSameAs(_preferred.Tunnels.Single());
    }

    [Fact]
    public async Task A_pong_that_comes_with_the_end_of_the_attempt_keeps_the_tunnel_alive()
    {
        using var cancel = new CancellationTokenSource();
        var pong = new TaskCompletionSource<bool>();
        _preferred.Prepare = tunnel => tunnel.IgnoredPong = pong.Task;
        Task<Attempt<ITunnel>> dial = _dialer.DialAsync(cancel.Token);

        await cancel.CancelAsync();
        pong.SetResult(true);

        (await dial.Soon()).Value.Should().BeSameAs(_preferred.Tunnels.Single());
        _preferred.Tunnels.Single().Disposals.Should().Be(0);
    }

    [Fact]
    public async Task A_dial_that_ends_without_an_answer_tells_what_the_first_transport_failed_of()
    {
        _preferred.FailNext(Refused(HttpStatusCode.Forbidden));
        _other.FailNext(new TunnelFault(TunnelFaultKind.TimedOut, "nothing in 10 s"));

        TunnelFault fault = (await _dialer.DialAsync(CancellationToken.None)).Fault!;

        (fault.Kind, fault.Message, fault.FailedTransport).Should().Be((TunnelFaultKind.TimedOut, "403", "preferred"));
    }

    [Fact]
    public async Task A_pod_that_does_not_exist_is_told_whatever_came_before()
    {
        TunnelFault gone = Refused(HttpStatusCode.NotFound);
        var dialer = new FallbackDialer([_preferred, _other], read: fault => fault == gone ? RefusalMeaning.PodIsGone : RefusalMeaning.Explained);
        _preferred.FailNext(Refused(HttpStatusCode.Forbidden));
        _other.FailNext(gone);

        (await dialer.DialAsync(CancellationToken.None)).Fault.Should().BeSameAs(gone);
    }

    [Fact]
    public async Task What_the_API_server_says_is_told_before_what_others_say_and_that_it_is_too_old_is_told_last()
    {
        var spdy = new FakeDialer { Transport = "spdy" };
        var third = new FakeDialer { Transport = "third" };
        var meanings = new Dictionary<string, RefusalMeaning>(StringComparer.Ordinal) { ["400"] = RefusalMeaning.NotOffered, ["500"] = RefusalMeaning.Explained };
        var dialer = new FallbackDialer([_preferred, spdy, third], read: fault => meanings.GetValueOrDefault(fault.Message));
        _preferred.FailNext(Refused(HttpStatusCode.BadRequest));
        spdy.FailNext(Refused(HttpStatusCode.BadGateway));
        third.FailNext(Refused(HttpStatusCode.InternalServerError));
        (await dialer.DialAsync(CancellationToken.None)).Fault!.FailedTransport.Should().Be("third");

        _preferred.FailNext(Refused(HttpStatusCode.BadRequest));
        spdy.FailNext(Refused(HttpStatusCode.BadGateway));
        third.FailNext(new TunnelFault(TunnelFaultKind.BadUpgrade, "wrong subprotocol"));
        (await dialer.DialAsync(CancellationToken.None)).Fault!.FailedTransport.Should().Be("spdy");
    }

    [Fact]
    public async Task Server_errors_of_all_transports_remain_a_refusal_that_says_when_to_come_back()
    {
        var spdy = new FakeDialer { Transport = "spdy" };
        var dialer = new FallbackDialer([_preferred, spdy, _other]);
        _preferred.FailNext(Refused(HttpStatusCode.BadGateway));
        spdy.FailNext(Refused(HttpStatusCode.InternalServerError));
        _other.FailNext(Refused(HttpStatusCode.ServiceUnavailable) with { RetryAfter = TimeSpan.FromSeconds(7) });

        TunnelFault fault = (await dialer.DialAsync(CancellationToken.None)).Fault!;

        (fault.Kind, fault.StatusCode, fault.RetryAfter).Should().Be((TunnelFaultKind.Refused, HttpStatusCode.BadGateway, TimeSpan.FromSeconds(7)));
        fault.FailedTransport.Should().Be("preferred");
    }

    [Fact]
    public async Task Missing_rights_are_one_reason_whatever_each_request_is_told()
    {
        var spdy = new FakeDialer { Transport = "spdy" };
        var dialer = new FallbackDialer([_preferred, spdy, _other], read: _ => RefusalMeaning.MissingRight);
        _preferred.FailNext(Refused(HttpStatusCode.Forbidden) with { Body = "forbidden" });
        TunnelFault expected = Refused(HttpStatusCode.Forbidden) with { Body = "eve cannot create pods/portforward" };
        spdy.FailNext(expected);
        _other.FailNext(Refused(HttpStatusCode.Forbidden) with { Body = "eve cannot get pods/portforward" });

        (await dialer.DialAsync(CancellationToken.None)).Fault.Should().Be(expected);
    }

    [Fact]
    public async Task A_missing_right_is_told_rather_than_what_a_proxy_says()
    {
        var spdy = new FakeDialer { Transport = "spdy" };
        var dialer = new FallbackDialer([_preferred, spdy], read: fault => fault.Body == "the company's proxy does not like this" ? RefusalMeaning.Unknown : RefusalMeaning.MissingRight);
        _preferred.FailNext(Refused(HttpStatusCode.Forbidden) with { Body = "the company's proxy does not like this" });
        spdy.FailNext(Refused(HttpStatusCode.Forbidden) with { Body = "eve cannot create pods/portforward" });

        TunnelFault fault = (await dialer.DialAsync(CancellationToken.None)).Fault!;

        (fault.Kind, fault.FailedTransport, fault.Body).Should().Be((TunnelFaultKind.BadUpgrade, "spdy", "eve cannot create pods/portforward"));
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

        Task<Attempt<ITunnel>> dial = _dialer.DialAsync(CancellationToken.None);
        await _dialer.Accepted.Soon();

        dial.IsCompleted.Should().BeFalse();
        pong.SetResult(true);
        (await dial).Value.Should().NotBeNull();
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
