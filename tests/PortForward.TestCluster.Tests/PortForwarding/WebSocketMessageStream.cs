using System.Net.WebSockets;

namespace PortForward.Testing.Tests.PortForwarding;

/// <summary>The client's end of a WebSocket as a byte stream, for <see cref="SpdyClient"/>; it keeps the sizes of the messages.</summary>
internal sealed class WebSocketMessageStream(WebSocket socket) : Stream
{
    private ReadOnlyMemory<byte> _rest;

    public List<int> MessageSizes { get; } = [];

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_rest.IsEmpty)
        {
            var message = new byte[64 * 1024];
            var received = await socket.ReceiveAsync(message, cancellationToken);
            received.EndOfMessage.Should().BeTrue("the server's messages are small");
            if (received.MessageType is WebSocketMessageType.Close)
                return 0;
            received.MessageType.Should().Be(WebSocketMessageType.Binary);
            MessageSizes.Add(received.Count);
            _rest = message.AsMemory(0, received.Count);
        }

        var count = Math.Min(buffer.Length, _rest.Length);
        _rest[..count].CopyTo(buffer);
        _rest = _rest[count..];
        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        await socket.SendAsync(buffer, WebSocketMessageType.Binary, endOfMessage: true, cancellationToken);

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
