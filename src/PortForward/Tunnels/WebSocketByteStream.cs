using System.Net.WebSockets;

namespace PortForward.Tunnels;

/// <summary>
/// The byte stream inside a WebSocket of the tunnel protocol: binary messages whose boundaries mean nothing
/// (a close with status 1000 is the end; a text message is an error).
/// </summary>
internal sealed class WebSocketByteStream : Stream
{
    private readonly WebSocket _webSocket;

    public WebSocketByteStream(WebSocket webSocket) => _webSocket = webSocket;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            ValueWebSocketReceiveResult result;
            try
            {
                result = await _webSocket.ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (IsFault(e, cancellationToken))
            {
                throw AsIOException(e);
            }

            switch (result.MessageType)
            {
                case WebSocketMessageType.Close when _webSocket.CloseStatus is null or WebSocketCloseStatus.NormalClosure:
                    return 0;
                case WebSocketMessageType.Close:
                    throw new IOException($"the server closed the WebSocket with status {(int)_webSocket.CloseStatus} {_webSocket.CloseStatusDescription}".TrimEnd());
                case WebSocketMessageType.Text:
                    throw new IOException("the server sent a text message, which the tunnel protocol does not know");
                case WebSocketMessageType.Binary when result.Count > 0 || buffer.IsEmpty:
                    return result.Count;
                default:
                    continue; // An empty message carries nothing and is not the end.
            }
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            await _webSocket.SendAsync(buffer, WebSocketMessageType.Binary, endOfMessage: true, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (IsFault(e, cancellationToken))
        {
            throw AsIOException(e);
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Says goodbye if that is possible at once, then cuts the connection.</summary>
    public override async ValueTask DisposeAsync()
    {
        await WebSocketUpgrade.SayGoodbyeAsync(_webSocket).ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _webSocket.Abort();
            _webSocket.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>An operation under way when the WebSocket is aborted ends as cancelled, though nobody has cancelled it.</summary>
    private static bool IsFault(Exception e, CancellationToken cancellationToken) =>
        e is WebSocketException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested);

    private static IOException AsIOException(Exception e) => e switch
    {
        WebSocketException { WebSocketErrorCode: WebSocketError.ConnectionClosedPrematurely } => new IOException("the connection was cut without a WebSocket close", e),
        OperationCanceledException => new IOException("the connection was closed by this side", e),
        _ => new IOException(e.InnerException?.Message ?? e.Message, e),
    };
}
