using System.Runtime.CompilerServices;
using PortForward.IO;

namespace PortForward.WebSockets;

/// <summary>
/// The byte stream inside a WebSocket of the tunnel protocol, on the client's side: binary messages whose boundaries mean nothing
/// (a close with status 1000 is the end; a text message is an error).
/// </summary>
/// <remarks>
/// It replaces .NET's WebSocket, which reads each header and each message apart, copies and masks what it sends in two passes, and asks the system for
/// every mask (docs/decisions/0011).
/// </remarks>
internal sealed class WebSocketByteStream : DuplexByteStream
{
    private readonly Stream _connection;
    private readonly WebSocketDecoder _decoder = new("tunnel");
    private readonly WebSocketSender _sender;
    private volatile bool _isDisposed;

    /// <summary>Begins behind the server's 101.</summary>
    /// <param name="connection">The connection, which the stream owns from now on.</param>
    public WebSocketByteStream(Stream connection)
    {
        _connection = connection;
        _sender = new WebSocketSender(connection);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!_decoder.HasEnded)
        {
            int received;
            try
            {
                received = await _connection.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (_isDisposed)
            {
                throw ClosedHere(e);
            }

            if (buffer.IsEmpty)
            {
                return 0;
            }

            if (received == 0)
            {
                throw _isDisposed ? ClosedHere(null) : new IOException("the connection was cut without a WebSocket close");
            }

            received = _decoder.Decode(buffer.Span[..received]);
            if (_decoder.TakePing() is { } ping)
            {
                _sender.Answer(ping);
            }

            if (received > 0)
            {
                return received;
            }
        }

        return _decoder.Fault is { } fault ? throw fault : 0;
    }

    /// <summary>Sends bytes as one message.</summary>
    /// <param name="buffer">The bytes.</param>
    /// <param name="cancellationToken">Ends the wait for a PONG that is just being sent; never the write itself, since half a message would be left behind.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            await _sender.SendAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (_isDisposed && e is not OperationCanceledException)
        {
            throw ClosedHere(e);
        }
    }

    /// <summary>Sends a close if that is possible at once, then cuts the connection.</summary>
    public override async ValueTask DisposeAsync()
    {
        if (!_isDisposed)
        {
            await _sender.TryCloseAsync().ConfigureAwait(false);
        }

        await base.DisposeAsync().ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _isDisposed = true;
            _connection.Dispose();
        }

        base.Dispose(disposing);
    }

    private static IOException ClosedHere(Exception? cause) => new("the connection was closed by this side", cause);
}
