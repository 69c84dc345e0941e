using Microsoft.Extensions.Logging.Abstractions;
using PortForward.Spdy;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>A tunnel over SPDY to a pod that is the test.</summary>
public abstract class SpdyTunnelTestBase : IAsyncDisposable
{
    private protected const uint ErrorId = 3, DataId = 5;

    private protected readonly SleepyTime _time = new();
    private protected readonly DuplexStream _client;
    private protected readonly SpdyPeer _pod;
    private protected readonly SpdyTunnel _tunnel;

    private protected SpdyTunnelTestBase()
    {
        (_client, DuplexStream server) = DuplexStream.CreatePair();
        _pod = new SpdyPeer(server);
        _tunnel = new SpdyTunnel(_client, new TunnelDialOptions { Time = _time }, NullLogger.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        await _tunnel.DisposeAsync();
        await _pod.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected async Task<ITunnelPair> OpenAsync(bool isAnswered = true)
    {
        ITunnelPair? pair = (await _tunnel.OpenPairAsync(80, default, CancellationToken.None).Soon()).Value;
        (uint error, _, _) = await _pod.ReadSynStreamAsync();
        (uint data, _, _) = await _pod.ReadSynStreamAsync();
        if (isAnswered)
        {
            SpdySession session = SpdyTunnelInsides.SessionOf(_tunnel);
            byte[][] replies = [SpdyPeer.SynReply(error), SpdyPeer.SynReply(data)];
            long received = session.BytesReceived + replies.Sum(reply => reply.Length);
            await _pod.SendAsync(replies);
            await Waiting.UntilAsync(() => session.BytesReceived == received && session.IsReading);
        }

        return pair!;
    }

    /// <summary>Sends more than the tunnel takes for a client that does not read.</summary>
    private protected async Task FloodAsync(int count)
    {
        await _pod.SendAsync(SpdyPeer.Data(DataId, new byte[count]));
        SpdySession session = SpdyTunnelInsides.SessionOf(_tunnel);
        await Waiting.UntilAsync(() => !session.IsReading && session.BytesReceived > 250_000);
    }

    private protected async Task PlayAsync(string step)
    {
        switch (step)
        {
            case "D.fin":
                await _pod.SendAsync(SpdyPeer.Fin(DataId));
                break;
            case "D.rst":
                await _pod.SendAsync(SpdyPeer.Rst(DataId, 5));
                break;
            case "E.fin":
                await _pod.SendAsync(SpdyPeer.Fin(ErrorId));
                break;
            case "E.rst":
                await _pod.SendAsync(SpdyPeer.Rst(ErrorId, 5));
                break;
            case "E.message":
                await _pod.SendAsync(SpdyPeer.Data(ErrorId, "error forwarding port 80"));
                break;
            case "E.blank":
                await _pod.SendAsync(SpdyPeer.Data(ErrorId, " \n"));
                break;
            case "lost":
                await _pod.DisposeAsync();
                break;
            default:
                throw new ArgumentException(step, nameof(step));
        }
    }

    /// <summary>Waits until the tunnel has handled everything that the pod has sent so far.</summary>
    private protected async Task SettleAsync()
    {
        await _pod.SendAsync(SpdyPeer.Ping(0xfffffff0));
        (await _pod.ReadControlAsync(WireFrame.Ping)).Word(0).Should().Be(0xfffffff0);
    }
}
