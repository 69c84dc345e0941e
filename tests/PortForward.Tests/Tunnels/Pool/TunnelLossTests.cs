using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>What is told when tunnels end.</summary>
public sealed class TunnelLossTests : TunnelPoolTestBase
{
    [Fact]
    public async Task The_end_of_a_tunnel_is_told_with_the_number_of_those_that_stand()
    {
        await OpenAsync();
        await OpenAsync();

        _dialer.Tunnels.First().Die();
        await Waiting.UntilAsync(() => _lost.Count == 1);
        _dialer.Tunnels.Last().Die();
        await Waiting.UntilAsync(() => _lost.Count == 2);

        _lost.Should().Equal(1, 0);
        _dialer.Tunnels.Should().AllSatisfy(tunnel => tunnel.Disposals.Should().Be(1));
    }

    [Fact]
    public async Task A_tunnel_that_has_carried_all_it_can_is_no_loss_and_its_successor_is_dialled()
    {
        var lost = new List<int>();
        await using var pool = new TunnelPool(_dialer, _options with { OnLost = loss => lost.Add(loss.Standing) });
        await pool.OpenPairAsync(80, default, CancellationToken.None);

        _dialer.Tunnels.Single().Finish();
        await _dialer.Tunnels.Single().Disposed.Soon();
        await pool.OpenPairAsync(80, default, CancellationToken.None);

        (lost.Count, _dialer.Dials).Should().Be((0, 2));
    }
}
