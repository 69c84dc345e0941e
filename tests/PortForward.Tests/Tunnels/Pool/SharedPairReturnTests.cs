using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>What becomes of a tunnel, and of the pairs that share it, after one of them has been disposed.</summary>
public sealed class SharedPairReturnTests() : TunnelPoolTestBase(maxTunnels: 2)
{
    private readonly List<IStreamPair> _opened = [];

    [Fact]
    public async Task A_shared_tunnel_is_dropped_with_its_last_pair_when_one_of_them_does_not_settle()
    {
        IStreamPair first = await OpenAsync();
        await OpenAsync();
        IStreamPair second = await OpenAsync();
        FakeTunnel shared = _dialer.Tunnels.First(tunnel => tunnel.Opened.Count == 2);
        IStreamPair undrained = shared == _dialer.Tunnels.First() ? first : second;
        FakePair other = shared.Pairs.Last();

        await undrained.DisposeAsync();
        await shared.Pairs.First().Disposed.Soon();
        _time.Advance(TimeSpan.FromSeconds(10));
        shared.Disposals.Should().Be(0, "another connection is in it");

        other.Complete();
        await second.DisposeAsync();
        await shared.Disposed.Soon();
    }

    [Fact]
    public async Task What_waits_behind_a_pair_that_the_pod_has_ended_and_not_taken_is_freed_as_soon_as_that_is_sure()
    {
        FakePair pods = await OpenSharedAsync();
        pods.FreesNeeded = 3;
        pods.EndData();
        pods.End(PairEndKind.Failed, "refused");

        await DrainAsync(pods);
        pods.Frees.Should().Be(0);
        await _time.AdvanceUntilAsync(() => pods.Frees == 3);
        await AdvanceAsync(TimeSpan.FromHours(1));
        pods.Frees.Should().Be(3);
    }

    [Fact]
    public async Task What_waits_behind_a_pair_is_left_alone_as_long_as_its_application_may_go_on()
    {
        FakePair pods = await OpenSharedAsync();

        await DrainAsync(pods);
        await AdvanceAsync(TimeSpan.FromHours(1));
        pods.Frees.Should().Be(0);

        pods.End(PairEndKind.Completed);
        await _time.AdvanceUntilAsync(() => pods.Frees == 1);
    }

    [Fact]
    public async Task What_waits_behind_a_pair_that_the_pod_takes_after_all_is_left_alone()
    {
        FakePair pods = await OpenSharedAsync();
        pods.FreesNeeded = int.MaxValue;
        pods.End(PairEndKind.Completed);

        await DrainAsync(pods);
        await _time.AdvanceUntilAsync(() => pods.Frees > 0);
        pods.Settle();
        int frees;
        do
        {
            frees = pods.Frees;
            await AdvanceAsync(TimeSpan.FromSeconds(10));
            await Task.Delay(100); // Real time: an attempt that is under way when the pod settles may come late.
        }
        while (pods.Frees != frees);
        await AdvanceAsync(TimeSpan.FromHours(1));

        pods.Frees.Should().Be(frees);
    }

    /// <summary>The first of two pairs in one tunnel.</summary>
    private async Task<FakePair> OpenSharedAsync()
    {
        _opened.AddRange([await OpenAsync(), await OpenAsync(), await OpenAsync()]);
        return _dialer.Tunnels.First(tunnel => tunnel.Opened.Count == 2).Pairs.First();
    }

    private async Task DrainAsync(FakePair pods)
    {
        await _opened[pods == _dialer.Tunnels.First().Pairs.First() ? 0 : 1].DisposeAsync();
        await pods.Disposed.Soon();
    }

    /// <summary>Lets time pass in steps, so that timers which are set meanwhile run too.</summary>
    private async Task AdvanceAsync(TimeSpan time)
    {
        for (int i = 0; i < 20; i++)
        {
            _time.Advance(time / 20);
            await Task.Delay(1); // Real time: what a timer has started goes on in the thread pool, and may set the next one.
        }
    }
}
