using PortForward.Cli.Tests.Support;
using PortForward.Testing;

namespace PortForward.Cli.Tests;

/// <summary>TLS connections that a forward opens before anybody needs them, as the API server counts them.</summary>
public sealed class WarmConnectionsTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>
{
    /// <summary>What a forward has at least without them: its tunnel, and the connection for look-ups and the watch.</summary>
    private const int Own = 2;

    [Fact]
    public async Task They_are_opened_once_the_forward_is_ready_as_many_as_asked_for_and_none_where_they_are_of_no_use()
    {
        Activity seen = fixture.Cluster.Activity;

        // Those without any begin first: what they opened would be there before the last one's.
        await using PfProcess none = PfProcess.Start(fixture.Kubeconfig, "--warm-connections", "0", "pod/solo", $":{ClusterFixture.Http}");
        await none.LocalPortAsync(ClusterFixture.Http);
        await using PfProcess oneTunnel = PfProcess.Start(fixture.Kubeconfig, "--max-tunnels", "1", "pod/solo", $":{ClusterFixture.Http}");
        await oneTunnel.LocalPortAsync(ClusterFixture.Http);
        await using PfProcess two = PfProcess.Start(fixture.Kubeconfig, "--warm-connections", "2", "pod/solo", $":{ClusterFixture.Http}");
        await two.LocalPortAsync(ClusterFixture.Http);

        await Waiting.UntilAsync(() => seen.TlsHandshakes >= (3 * Own) + 2 && seen.TunnelsOpened >= 3);

        seen.TunnelsOpened.Should().Be(3);
        seen.TlsHandshakes.Should().BeLessThan((3 * Own) + 2 + 6, "one that had them without being asked would have six");
    }
}
