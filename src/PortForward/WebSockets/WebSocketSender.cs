using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using PortForward.IO;

namespace PortForward.WebSockets;

/// <summary>Sends the frames of a client (RFC 6455), one after the other: each is a whole message, and nothing follows a close.</summary>
/// <param name="connection">Where they are written to; it belongs to the caller.</param>
internal sealed class WebSocketSender(Stream connection)
{
    /// <summary>How long a close may take to be sent before the connection is cut.</summary>
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromMilliseconds(500);

    private readonly MaskSource _masks = new();

    /// <summary>Held by whoever writes.</summary>
    private readonly FairLock _turn = new();

    /// <summary>What a PING carried that is to be answered.</summary>
    private byte[]? _ping;
    private bool _isPingWanted;

    /// <summary>Whether a close was sent. Guarded by the turn.</summary>
    private bool _isClosed;
    private long _pingsSent;
    private long _pingsBeforeData = -1;

    /// <summary>How many PINGs were sent.</summary>
    public long PingsSent => Volatile.Read(ref _pingsSent);

    /// <summary>How many PINGs had been sent when the last data was; -1 if none was. Empty messages are no data.</summary>
    public long PingsBeforeData => Volatile.Read(ref _pingsBeforeData);

    /// <summary>Sends a message, after everybody who asked earlier.</summary>
    /// <param name="payload">The message.</param>
    /// <param name="cancellationToken">Ends the wait for the others; never the write itself, since half a message would be left behind.</param>
    /// <exception cref="IOException">A close was sent, or the connection was lost.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask SendAsync(ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        await _turn.EnterAsync(cancellationToken).ConfigureAwait(false);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(WebSocketHeader.MaxWrittenSize + payload.Length);
        try
        {
            int length = Compose(buffer, WebSocketOpcode.Binary, payload.Span);
            await connection.WriteAsync(buffer.AsMemory(0, length), CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            ExitTurn();
        }
    }

    /// <summary>Sends an empty message if nobody is writing, and waits for nothing.</summary>
    public void TrySendEmpty()
    {
        if (_turn.TryEnter())
        {
            _ = SendInTurnAsync(static sender => sender.WriteAsync(WebSocketOpcode.Binary, default, CancellationToken.None));
        }
    }

    /// <summary>Sends a PING, behind a write that is under way, and waits for nothing.</summary>
    public void Ping()
    {
        Volatile.Write(ref _isPingWanted, true);
        SendPending();
    }

    /// <summary>Answers a PING, behind a write that is under way. Nobody waits for it, since the server may be waiting for us to read.</summary>
    /// <param name="ping">What the PING carried. Of several only the last one must be answered (5.5.3).</param>
    public void Answer(byte[] ping)
    {
        Volatile.Write(ref _ping, ping);
        SendPending();
    }

    /// <summary>Sends a close with the status of a graceful end, as long after what was written before as that takes; does nothing if one was sent.</summary>
    /// <exception cref="IOException">The connection was lost.</exception>
    public async Task CloseAsync(CancellationToken cancellationToken)
    {
        await _turn.EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!_isClosed)
            {
                byte[] status = new byte[sizeof(ushort)];
                BinaryPrimitives.WriteUInt16BigEndian(status, WebSocketDecoder.NormalClosure);
                await WriteAsync(WebSocketOpcode.Close, status, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            ExitTurn();
        }
    }

    /// <summary>Sends a close if the connection accepts it soon; otherwise nobody is there to read it.</summary>
    public async Task TryCloseAsync()
    {
        using var limit = new CancellationTokenSource(CloseTimeout);
        try
        {
            await CloseAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (IsLost(e))
        {
            // The server does not read it.
        }
    }

    /// <summary>Whether an exception says that the connection is lost or was closed.</summary>
    private static bool IsLost(Exception e) => e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException;

    private void ExitTurn()
    {
        _turn.Exit();
        SendPending();
    }

    /// <summary>Sends what waits for the end of a write, unless another one is under way: then it is sent after that.</summary>
    private void SendPending()
    {
        if ((Volatile.Read(ref _ping) is not null || Volatile.Read(ref _isPingWanted)) && _turn.TryEnter())
        {
            _ = SendInTurnAsync(static sender => sender.WritePendingAsync());
        }
    }

    private async ValueTask WritePendingAsync()
    {
        if (Interlocked.Exchange(ref _ping, null) is { } ping)
        {
            await WriteAsync(WebSocketOpcode.Pong, ping, CancellationToken.None).ConfigureAwait(false);
        }

        if (Interlocked.Exchange(ref _isPingWanted, false))
        {
            await WriteAsync(WebSocketOpcode.Ping, default, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Runs while holding the turn, and ends it.</summary>
    private async Task SendInTurnAsync(Func<WebSocketSender, ValueTask> send)
    {
        try
        {
            await send(this).ConfigureAwait(false);
        }
        catch (Exception e) when (IsLost(e))
        {
            // The connection is lost, which whoever reads is told.
        }
        finally
        {
            ExitTurn();
        }
    }

    /// <summary>Writes a control frame or an empty message. Called by whoever has the turn.</summary>
    private ValueTask WriteAsync(WebSocketOpcode opcode, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        byte[] frame = new byte[WebSocketHeader.MaxWrittenSize + payload.Length];
        int length = Compose(frame, opcode, payload.Span);
        return connection.WriteAsync(frame.AsMemory(0, length), cancellationToken);
    }

    /// <summary>Makes a frame. Called by whoever has the turn.</summary>
    private int Compose(Span<byte> frame, WebSocketOpcode opcode, ReadOnlySpan<byte> payload)
    {
        if (_isClosed)
        {
            throw new IOException("the connection was closed by this side");
        }

        switch (opcode)
        {
            case WebSocketOpcode.Close:
                _isClosed = true;
                break;
            case WebSocketOpcode.Ping:
                Interlocked.Increment(ref _pingsSent);
                break;
            case WebSocketOpcode.Binary when !payload.IsEmpty:
                Volatile.Write(ref _pingsBeforeData, _pingsSent);
                break;
        }

        WebSocketMask mask = _masks.Next();
        int size = new WebSocketHeader(opcode, IsFinal: true, payload.Length).Write(frame, mask);
        mask.Copy(payload, frame[size..]);
        return size + payload.Length;
    }
}
