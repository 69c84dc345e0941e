using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>Whether a tunnel is known to flow.</summary>
public sealed class SpdyTunnelFlowTests : SpdyTunnelTestBase
{
    [Fact]
    public async Task A_tunnel_flows_when_every_worker_of_the_pod_has_answered()
    {
        ITunnelPair pair = await OpenAsync();
        await Waiting.UntilAsync(() => _tunnel.IsWaitingForPod);
        (await _tunnel.IsFlowingAsync(CancellationToken.None).Soon()).Should().BeTrue("nothing was sent that could hold it up");
        await pair.WriteAsync("x"u8.ToArray(), CancellationToken.None);
        await _pod.ReadDataAsync(DataId);

        Task<bool> flows = _tunnel.IsFlowingAsync(CancellationToken.None);
        for (uint i = 0; i < 5; i++)
        {
            flows.IsCompleted.Should().BeFalse();
            await _pod.SendAsync(SpdyPeer.Ping((await _pod.ReadControlAsync(WireFrame.Ping)).Word(0)));
        }

        (await flows.Soon()).Should().BeTrue();
        await Waiting.UntilAsync(() => _tunnel.IsWaitingForPod);
        (await _tunnel.IsFlowingAsync(CancellationToken.None).Soon()).Should().BeTrue("now it is known");
    }

    [Fact]
    public async Task A_tunnel_whose_client_is_only_slow_flows()
    {
        ITunnelPair pair = await OpenAsync();
        await FloodAsync(1_000_000);

        Task<bool> flows = _tunnel.IsFlowingAsync(CancellationToken.None);
        for (uint i = 0; i < 5; i++)
        {
            await _pod.SendAsync(SpdyPeer.Ping((await _pod.ReadControlAsync(WireFrame.Ping)).Word(0)));
        }

        flows.IsCompleted.Should().BeFalse("the answers are behind what the client has not read yet");
        for (int received = 0; received < 1_000_000;)
        {
            System.IO.Pipelines.ReadResult read = await pair.Input.ReadAsync().AsTask().Soon();
            received += (int)read.Buffer.Length;
            pair.Input.AdvanceTo(read.Buffer.End);
        }

        (await flows.Soon()).Should().BeTrue();
    }

    [Fact]
    public async Task Of_a_tunnel_whose_client_does_not_read_it_is_not_known_whether_it_flows()
    {
        using var cancel = new CancellationTokenSource();
        await OpenAsync();
        await FloodAsync(1_000_000);

        Task<bool> flows = _tunnel.IsFlowingAsync(cancel.Token);
        for (uint i = 0; i < 5; i++)
        {
            await _pod.SendAsync(SpdyPeer.Ping((await _pod.ReadControlAsync(WireFrame.Ping)).Word(0)));
        }

        flows.IsCompleted.Should().BeFalse();
        await cancel.CancelAsync();
        await flows.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        _tunnel.CanOpen.Should().BeTrue();
    }
}
