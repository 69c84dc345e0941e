using System.Buffers.Binary;
using System.Net.WebSockets;
using System.Text;
using System.Threading.Channels;
using PortForward.Testing.Applications;

namespace PortForward.Testing.PortForwarding;

/// <summary>The kubelet's WebSocket channels: one connection per port, dialled at once, ended only by closing the WebSocket.</summary>
internal static class ChannelForwarding
{
    public const string Protocol = "v4.channel.k8s.io";

    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(2);

    public static async Task RunAsync(
        WebSocket socket, Sandbox sandbox, int[] ports, PortForwardOptions options, Action<string> violation, CancellationToken cancellationToken)
    {
        using var writing = new SemaphoreSlim(1, 1);
        var streams = new ChannelStream[ports.Length];
        for (var i = 0; i < ports.Length; i++)
        {
            streams[i] = new ChannelStream(socket, (byte)(2 * i), writing);
            var preamble = new byte[2];
            BinaryPrimitives.WriteUInt16LittleEndian(preamble, (ushort)ports[i]);
            await SendAsync(socket, (byte)(2 * i), preamble, writing, cancellationToken);
            await SendAsync(socket, (byte)((2 * i) + 1), preamble, writing, cancellationToken);
        }

        // Cancelling a read aborts the WebSocket, so that happens only after the close frame.
        using var over = new CancellationTokenSource();
        var reading = ReadAsync(socket, streams, violation, over.Token);
        try
        {
            await Task.WhenAll(ports.Select(async (port, i) =>
            {
                if (await SandboxForwarder.ForwardAsync(sandbox, port, streams[i], options, cancellationToken) is { } error)
                    await SendAsync(socket, (byte)((2 * i) + 1), Encoding.UTF8.GetBytes(error), writing, cancellationToken);
            }));
            over.CancelAfter(CloseTimeout);
            foreach (var stream in streams)
                stream.EndFromClient();
            if (socket.State is WebSocketState.Open)
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", over.Token);
        }
        finally
        {
            over.CancelAfter(CloseTimeout);
            await reading;
        }
    }

    private static async Task ReadAsync(WebSocket socket, ChannelStream[] streams, Action<string> violation, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (true)
            {
                var (length, type) = await ReceiveMessageAsync(socket, buffer, cancellationToken);
                if (type is WebSocketMessageType.Close)
                {
                    // The kubelet closes its side at once: what the application says from now on has no way to go.
                    await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", cancellationToken);
                    return;
                }

                // The kubelet skips an empty message (wsstream/conn.go): a client may keep a connection busy with them.
                if (type is WebSocketMessageType.Binary && length == 0)
                    continue;
                if (type is WebSocketMessageType.Text || buffer[0] % 2 != 0 || buffer[0] / 2 >= streams.Length)
                    violation("The client sent a message that belongs to no data channel.");
                else if (length > 1)
                    await streams[buffer[0] / 2].DeliverAsync(buffer[1..length]);
            }
        }
        catch (Exception lost) when (lost is WebSocketException or IOException or OperationCanceledException or ObjectDisposedException)
        {
        }
        finally
        {
            foreach (var stream in streams)
                stream.EndFromClient();
        }
    }

    private static async Task<(int Length, WebSocketMessageType Type)> ReceiveMessageAsync(WebSocket socket, byte[] buffer, CancellationToken cancellationToken)
    {
        var length = 0;
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer.AsMemory(length), cancellationToken);
            length += received.Count;
            if (received.EndOfMessage)
                return (length, received.MessageType);
            if (length == buffer.Length)
                throw new IOException("A message of the client is longer than 64 KiB.");
        }
    }

    private static async Task SendAsync(WebSocket socket, byte channel, ReadOnlyMemory<byte> bytes, SemaphoreSlim writing, CancellationToken cancellationToken)
    {
        byte[] message = [channel, .. bytes.Span];
        await writing.WaitAsync(cancellationToken);
        try
        {
            await socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, cancellationToken);
        }
        catch (Exception lost) when (lost is WebSocketException or InvalidOperationException)
        {
            throw new IOException("The WebSocket is gone.", lost);
        }
        finally
        {
            writing.Release();
        }
    }

    private sealed class ChannelStream(WebSocket socket, byte channel, SemaphoreSlim writing) : IForwardStream
    {
        private readonly Channel<byte[]> _messages = Channel.CreateBounded<byte[]>(0);

        public async ValueTask<byte[]?> ReadAsync(CancellationToken cancellationToken)
        {
            while (await _messages.Reader.WaitToReadAsync(cancellationToken))
            {
                if (_messages.Reader.TryRead(out var message))
                    return message;
            }

            return null;
        }

        public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
            await SendAsync(socket, channel, bytes, writing, cancellationToken);

        /// <summary>A channel has no end of its own; the WebSocket's close is the only one.</summary>
        public ValueTask CloseAsync() => ValueTask.CompletedTask;

        public async ValueTask DeliverAsync(byte[] message)
        {
            try
            {
                await _messages.Writer.WriteAsync(message);
            }
            catch (ChannelClosedException)
            {
            }
        }

        public void EndFromClient() => _messages.Writer.TryComplete();
    }
}
