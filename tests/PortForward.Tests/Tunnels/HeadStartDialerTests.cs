using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

public sealed class HeadStartDialerTests
{
    private readonly TaskCompletionSource _gate = new();
    private readonly FakeDialer _dialer = new();

    [Fact]
    public async Task The_first_dial_begins_at_once_and_the_others_when_they_are_asked_for()
    {
        var ahead = new HeadStartDialer(_dialer);
        SpinWait.SpinUntil(() => _dialer.Tunnels.Count == 1, Waiting.Patience).Should().BeTrue();

        Attempt<ITunnel> first = await ahead.DialAsync(CancellationToken.None);
        Attempt<ITunnel> second = await ahead.DialAsync(CancellationToken.None);

        first.Value.Should().BeSameAs(_dialer.Tunnels.First());
        second.Value.Should().BeSameAs(_dialer.Tunnels.Last());
        _dialer.Dials.Should().Be(2);
        await ahead.DisposeAsync();
        _dialer.Tunnels.Should().OnlyContain(tunnel => tunnel.Disposals == 0);
    }

    [Fact]
    public async Task A_fault_of_the_first_dial_is_told_once()
    {
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.BadUpgrade, "no"));
        var ahead = new HeadStartDialer(_dialer);

        (await ahead.DialAsync(CancellationToken.None)).Fault!.Message.Should().Be("no");
        (await ahead.DialAsync(CancellationToken.None)).Value.Should().NotBeNull();
    }

    [Fact]
    public async Task A_first_dial_that_timed_out_before_anybody_asked_is_begun_anew()
    {
        _dialer.FailNext(new TunnelFault(TunnelFaultKind.TimedOut, "a person was logging in"));
        var ahead = new HeadStartDialer(_dialer);
        await ahead.FirstDial.Soon();

        (await ahead.DialAsync(CancellationToken.None)).Value.Should().NotBeNull();
        _dialer.Dials.Should().Be(2);
    }

    [Fact]
    public async Task What_nobody_asks_for_is_ended()
    {
        _dialer.Gate = _gate.Task;
        var dialling = new HeadStartDialer(_dialer);
        await dialling.DisposeAsync().Soon();

        _dialer.Gate = null;
        _dialer.IgnoresCancellation = true;
        var standing = new HeadStartDialer(_dialer);
        await standing.DisposeAsync().Soon();

        _dialer.Tunnels.Single().Disposals.Should().Be(1);
    }

    [Fact]
    public async Task Whoever_stops_waiting_for_it_leaves_nothing_behind()
    {
        _dialer.Gate = _gate.Task;
        _dialer.IgnoresCancellation = true;
        var ahead = new HeadStartDialer(_dialer);
        using var stopped = new CancellationTokenSource();
        Task<Attempt<ITunnel>> dial = ahead.DialAsync(stopped.Token);

        await stopped.CancelAsync();
        _gate.SetResult();

        await dial.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        _dialer.Tunnels.Single().Disposals.Should().Be(1);
    }
}
