using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using PortForward.Testing.Api;

namespace PortForward.Testing.Tests.PortForwarding;

/// <summary>What befalls all tunnels befalls one that was asked for before and is served only afterwards.</summary>
public sealed class LateTunnelTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private TestCluster _cluster = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true, TimeProvider = _time });
        _cluster.Pods.Add(TestPod.Probe("solo"));
    }

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task A_cut_of_all_cuts_it_too()
    {
        var read = async () =>
        {
            using var upgrade = await OpenLateAsync(_cluster.Tunnels.CutAll);
            await upgrade.Stream.ReadExactlyAsync(new byte[1]).Soon();
        };

        (await read.Should().ThrowAsync<IOException>()).WithInnerException<SocketException>();
        await _cluster.Activity.WaitUntilAsync(now => now.Tunnels == 0);
    }

    [Fact]
    public async Task An_end_of_all_ends_it_too()
    {
        using var upgrade = await OpenLateAsync(_cluster.Tunnels.CloseAll);

        (await upgrade.Stream.ReadAsync(new byte[1]).Soon()).Should().Be(0);
    }

    [Fact]
    public async Task A_freeze_of_all_freezes_it_too_until_they_thaw()
    {
        using var upgrade = await OpenLateAsync(_cluster.Tunnels.FreezeAll);
        var client = new SpdyClient(upgrade.Stream);
        await client.SendAsync(SpdyClient.Ping(1));
        var answer = client.ReadAsync();

        using var neighbour = await UpgradeClient.SpdyAsync(_cluster, "solo");
        var other = new SpdyClient(neighbour.Stream);
        await other.SendAsync(SpdyClient.Ping(1));
        (await other.ReadAsync().Soon())!.Type.Should().Be("ping", "it was asked for afterwards");
        answer.IsCompleted.Should().BeFalse();

        _cluster.Tunnels.ThawAll();
        (await answer.Soon())!.Type.Should().Be("ping");
    }

    [Fact]
    public async Task A_freeze_that_is_over_when_it_is_served_is_over_for_it()
    {
        using var upgrade = await OpenLateAsync(() =>
        {
            _cluster.Tunnels.FreezeAll();
            _cluster.Tunnels.ThawAll();
        });
        var client = new SpdyClient(upgrade.Stream);

        await client.SendAsync(SpdyClient.Ping(1));
        (await client.ReadAsync().Soon())!.Type.Should().Be("ping");
    }

    /// <summary>Opens a tunnel that is asked for before something happens and served afterwards.</summary>
    private async Task<UpgradeClient> OpenLateAsync(Action happens)
    {
        _cluster.Faults.Next(request => request.IsPortForward, RequestFault.Delay(TimeSpan.FromSeconds(1)));
        var upgrade = UpgradeClient.SpdyAsync(_cluster, "solo");
        await Waiting.UntilAsync(() => _cluster.Requests.Count == 1);
        happens();
        return await _time.AdvanceUntilAsync(upgrade);
    }
}
