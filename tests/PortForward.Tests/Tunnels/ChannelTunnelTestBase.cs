using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Text;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>WebSocket channels against a server that does what a test tells it to.</summary>
public abstract class ChannelTunnelTestBase : IDisposable
{
    private protected readonly UpgradeServer _server = new();
    private protected readonly HttpMessageInvoker _invoker = new(new SocketsHttpHandler());
    private protected readonly CountingTime _time = new();
    private protected readonly ChannelTunnelDialer _dialer;

    private protected ChannelTunnelTestBase() => _dialer = new ChannelTunnelDialer(_invoker, _server.Uri, new TunnelDialOptions { Time = _time });

    public void Dispose()
    {
        _invoker.Dispose();
        _server.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected async Task<(Peer Peer, ITunnel Tunnel, IStreamPair Pair)> OpenAsync(int port, string initialData = "", bool prove = true)
    {
        ITunnel tunnel = prove ? await DialAsync() : (await _dialer.DialAsync(CancellationToken.None).Soon()).Value!;
        Task<Attempt<ITunnelPair>> open = tunnel.OpenPairAsync(port, Encoding.ASCII.GetBytes(initialData), CancellationToken.None).AsTask();
        Peer peer = await Peer.AcceptAsync(_server, port);
        return (peer, tunnel, (await open.Soon()).Value!);
    }

    private protected async Task<ITunnel> DialAsync() => (await ProvedAsync()).Value!;

    private protected Task<Attempt<ITunnel>> ProvedAsync() => ProvedAsync(_dialer, _server);

    /// <summary>A dial whose probe is answered as a kubelet answers it.</summary>
    private protected static async Task<Attempt<ITunnel>> ProvedAsync(ChannelTunnelDialer dialer, UpgradeServer server)
    {
        Task<Attempt<ITunnel>> dial = dialer.DialAsync(CancellationToken.None);
        using UpgradeConnection connection = await server.AcceptAsync();
        connection.RequestLine.Should().Be("GET /api/v1/namespaces/default/pods/web/portforward HTTP/1.1");
        connection.Headers["Sec-WebSocket-Protocol"].Should().Be("v4.channel.k8s.io");
        await connection.RespondAsync("HTTP/1.1 400 Bad Request\nContent-Length: 34\n\nquery parameter \"port\" is required");
        return await dial.Soon();
    }

    private protected static async Task<string> ReadAsync(IStreamPair pair, int count)
    {
        ReadResult read = await pair.Input.ReadAtLeastAsync(count).AsTask().Soon();
        string text = Encoding.ASCII.GetString(read.Buffer);
        pair.Input.AdvanceTo(read.Buffer.End);
        return text;
    }

    /// <summary>The kubelet's end of a connection.</summary>
    private protected sealed class Peer(UpgradeConnection connection, WebSocket webSocket) : IDisposable
    {
        public string RequestLine => connection.RequestLine;

        public static async Task<Peer> AcceptAsync(UpgradeServer server, int port)
        {
            Peer peer = await SwitchAsync(await server.AcceptAsync());
            await peer.OpenAsync(port);
            return peer;
        }

        public static async Task<Peer> SwitchAsync(UpgradeConnection connection) => new(connection, await connection.SwitchAsync("v4.channel.k8s.io"));

        /// <summary>Says on both channels which port was opened.</summary>
        public async Task OpenAsync(int port)
        {
            await SendPieceAsync(new byte[] { 0, (byte)port, (byte)(port >> 8) }, isLast: true);
            await SendPieceAsync(new byte[] { 1, (byte)port, (byte)(port >> 8) }, isLast: true);
        }

        public Task SendAsync(byte channel, string text) => SendPieceAsync((byte[])[channel, .. Encoding.ASCII.GetBytes(text)], isLast: true);

        public async Task SendPieceAsync(ReadOnlyMemory<byte> bytes, bool isLast) =>
            await webSocket.SendAsync(bytes, WebSocketMessageType.Binary, isLast, CancellationToken.None);

        public async Task<string> ReceiveAsync()
        {
            byte[] buffer = new byte[64 * 1024];
            ValueWebSocketReceiveResult received = await webSocket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None).AsTask().Soon();
            return Encoding.ASCII.GetString(buffer, 0, received.Count);
        }

        /// <summary>Takes everything up to the client's close.</summary>
        /// <returns>How many bytes of data it was.</returns>
        public async Task<long> ReceiveToEndAsync()
        {
            byte[] buffer = new byte[64 * 1024];
            long data = 0;
            bool isBegun = false;
            while (true)
            {
                ValueWebSocketReceiveResult received = await webSocket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None).AsTask().Soon();
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    return data;
                }

                data += received.Count - (isBegun ? 0 : 1);
                isBegun = !received.EndOfMessage;
            }
        }

        public Task CloseAsync() => webSocket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).Soon();

        public void Dispose()
        {
            webSocket.Dispose();
            connection.Dispose();
        }
    }
}
