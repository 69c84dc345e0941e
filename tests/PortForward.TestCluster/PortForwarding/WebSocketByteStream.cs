using System.Net.WebSockets;

namespace PortForward.Testing.PortForwarding;

/// <summary>The byte stream inside a WebSocket's binary messages; every write is a message, messages' borders mean nothing.</summary>
internal sealed class WebSocketByteStream(WebSocket socket, Action<string> violation) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            while (true)
            {
                // Cancelling a receive would abort the WebSocket, which still has its close frame to send: leave it alone instead.
                var received = await socket.ReceiveAsync(buffer, CancellationToken.None).AsTask().WaitAsync(cancellationToken);
                switch (received.MessageType)
                {
                    case WebSocketMessageType.Close:
                        return 0;
                    case WebSocketMessageType.Text:
                        violation("The client sent a text message.");
                        return 0;
                    case WebSocketMessageType.Binary when received.Count > 0:
                        return received.Count;
                }
            }
        }
        catch (WebSocketException lost)
        {
            throw new IOException("The WebSocket is gone.", lost);
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            await socket.SendAsync(buffer, WebSocketMessageType.Binary, endOfMessage: true, cancellationToken);
        }
        catch (Exception lost) when (lost is WebSocketException or InvalidOperationException)
        {
            throw new IOException("The WebSocket is gone.", lost);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
