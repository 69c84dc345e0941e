using System.Runtime.CompilerServices;

namespace PortForward.WebSockets;

/// <summary>A WebSocket on the client's side whose messages mean something: parts of them come in, whole ones go out.</summary>
/// <remarks>
/// The kubelet reads one frame after the other and hands each to the application before the next. So a PONG says that everything which was sent before its PING
/// has been read.
/// </remarks>
internal sealed class WebSocketConnection : IAsyncDisposable
{
    private readonly Stream _connection;
    private readonly WebSocketDecoder _decoder;
    private readonly WebSocketSender _sender;
    private long _received;
    private long _pongs;
    private volatile bool _isAborted;

    /// <summary>What has come and was not decoded yet.</summary>
    private Memory<byte> _undecoded;

    /// <summary>Begins behind the server's 101.</summary>
    /// <param name="connection">The connection, owned by this from now on.</param>
    /// <param name="protocol">What the messages belong to, for errors.</param>
    public WebSocketConnection(Stream connection, string protocol)
    {
        _connection = connection;
        _decoder = new WebSocketDecoder(protocol);
        _sender = new WebSocketSender(connection);
    }

    /// <summary>How many bytes have arrived so far.</summary>
    public long BytesReceived => Interlocked.Read(ref _received);

    /// <summary>Whether a PING has no PONG yet.</summary>
    public bool HasOpenPing => Interlocked.Read(ref _pongs) < _sender.PingsSent;

    /// <summary>Whether data was sent that the peer may not have read yet.</summary>
    public bool HasUnacknowledgedData => Interlocked.Read(ref _pongs) <= _sender.PingsBeforeData;

    /// <summary>Receives the next part of a message. One caller at a time.</summary>
    /// <param name="buffer">Where it is received to; the same one in each call.</param>
    /// <returns>The bytes, valid until the next call, and whether they end their message; null once the server has closed gracefully.</returns>
    /// <exception cref="IOException">The server closed otherwise or broke the protocol, or the connection was lost.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<(ReadOnlyMemory<byte> Bytes, bool EndsMessage)?> ReceiveAsync(byte[] buffer)
    {
        while (true)
        {
            if (_isAborted)
            {
                throw new IOException("the connection was closed by this side");
            }

            if (!_undecoded.IsEmpty && DecodePart() is { } part)
            {
                return part;
            }

            if (_decoder.HasEnded)
            {
                return _decoder.Fault is { } fault ? throw fault : null;
            }

            int received = await _connection.ReadAsync(buffer, CancellationToken.None).ConfigureAwait(false);
            if (received == 0)
            {
                throw new IOException("the connection was cut without a WebSocket close");
            }

            Interlocked.Add(ref _received, received);
            _undecoded = buffer.AsMemory(0, received);
        }
    }

    /// <summary>Sends a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Ends the wait for other messages; never the write itself.</param>
    /// <exception cref="IOException">A close was sent, or the connection was lost.</exception>
    public ValueTask SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken) => _sender.SendAsync(message, cancellationToken);

    /// <summary>Sends a PING, behind a message that is just being written.</summary>
    public void Ping() => _sender.Ping();

    /// <summary>Sends an empty message if nobody is writing.</summary>
    public void TrySendEmpty() => _sender.TrySendEmpty();

    /// <summary>Says that this side sends no more, once everything before it was written.</summary>
    /// <exception cref="IOException">The connection was lost.</exception>
    public Task CloseOutputAsync() => _sender.CloseAsync(CancellationToken.None);

    /// <summary>The same, if the connection accepts it soon.</summary>
    public Task TryCloseOutputAsync() => _sender.TryCloseAsync();

    /// <summary>Cuts the connection. What has arrived and was not received yet is lost.</summary>
    public void Abort()
    {
        _isAborted = true;
        _connection.Dispose();
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private (ReadOnlyMemory<byte> Bytes, bool EndsMessage)? DecodePart()
    {
        long pongsBefore = _decoder.Pongs;
        WebSocketPart part = _decoder.DecodePart(_undecoded.Span, out int consumed);
        ReadOnlyMemory<byte> bytes = _undecoded[..part.Length];
        _undecoded = _decoder.HasEnded ? default : _undecoded[consumed..];

        // One that answers no PING (RFC 6455, section 5.5.3) says nothing.
        Interlocked.Exchange(ref _pongs, Math.Min(_pongs + _decoder.Pongs - pongsBefore, _sender.PingsSent));
        if (_decoder.TakePing() is { } ping)
        {
            _sender.Answer(ping);
        }

        return part.Length > 0 || part.EndsMessage ? (bytes, part.EndsMessage) : null;
    }
}
