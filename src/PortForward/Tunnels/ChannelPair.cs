using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Text;

namespace PortForward.Tunnels;

/// <summary>
/// A connection to one port of a pod in a WebSocket of its own: channel 0 carries data both ways, channel 1 the pod's error message. Each message begins
/// with its channel's number, and each channel from the server with the port, in two bytes (kubelet, <c>portforward/websocket.go</c>).
/// </summary>
/// <remarks>
/// The protocol knows no half-close and no reset: closing the WebSocket is the only end. A client that does not read holds up nobody else, so the
/// read loop simply waits for it, and the pod feels it as TCP backpressure.
/// </remarks>
internal sealed class ChannelPair : IStreamPair, ILivingConnection
{
    /// <summary>The most bytes of data in one message to the server; the same as in a SPDY frame.</summary>
    public const int MaxMessage = 32 * 1024;

    private const byte DataChannel = 0;
    private const byte ErrorChannel = 1;
    private const int PreambleSize = sizeof(ushort);

    /// <summary>The most bytes of an error message that are kept. Real ones have some hundred.</summary>
    private const int MaxErrorMessage = 8 * 1024;

    /// <summary>How much of the pod's data is held while the client does not read.</summary>
    private const int InputBufferSize = 256 * 1024;

    private const int ReceiveSize = 64 * 1024;

    private readonly WebSocket _webSocket;
    private readonly CountingStream _transport;
    private readonly int _port;
    private readonly Action<string> _onBroken;
    private readonly Liveness _liveness;
    private readonly Pipe _input = new(new PipeOptions(
        pauseWriterThreshold: InputBufferSize, resumeWriterThreshold: InputBufferSize / 2, minimumSegmentSize: 16 * 1024, useSynchronizationContext: false));

    private readonly ArrayBufferWriter<byte> _error = new();
    private readonly Task<PairEnd> _reading;
    private volatile bool _isReading;
    private volatile bool _hasSent;
    private volatile bool _wasGivenUp;
    private volatile bool _clientLeft;
    private TimeoutException? _dead;

    /// <summary>Starts to read.</summary>
    /// <param name="webSocket">A WebSocket that has just been opened; it belongs to the pair.</param>
    /// <param name="transport">What is below it.</param>
    /// <param name="port">The pod's port that it leads to.</param>
    /// <param name="options">The clock and the time after which silence means death.</param>
    /// <param name="onBroken">Called with the reason when it ends in another way than the protocol's.</param>
    public ChannelPair(WebSocket webSocket, CountingStream transport, int port, TunnelDialOptions options, Action<string> onBroken)
    {
        _webSocket = webSocket;
        _transport = transport;
        _port = port;
        _onBroken = onBroken;
        _reading = Task.Run(ReadLoopAsync);
        _liveness = new Liveness(this, options);
    }

    public PipeReader Input => _input.Reader;

    public Task<PairEnd> Ended => _reading;

    /// <summary>Whether this side has ended it.</summary>
    public bool WasGivenUp => _wasGivenUp;

    public bool IsSuspect => _liveness.IsSuspect && !_reading.IsCompleted;

    public bool IsReading => _isReading;

    long ILivingConnection.BytesReceived => _transport.Received;

    /// <summary>Nothing tells what the application has taken, except that the kubelet answers PINGs as long as it is not held up.</summary>
    bool ILivingConnection.HasUnconfirmedData => _hasSent;

    /// <summary>The connection serves no other pair, so that it does not matter.</summary>
    public Task<bool> ConfirmTakenAsync(CancellationToken cancellationToken) => Task.FromResult(true);

    public async ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        byte[] message = ArrayPool<byte>.Shared.Rent(1 + Math.Min(data.Length, MaxMessage));
        try
        {
            message[0] = DataChannel;
            while (!data.IsEmpty)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (_webSocket.State != WebSocketState.Open)
                {
                    return false;
                }

                int length = Math.Min(data.Length, MaxMessage);
                data[..length].CopyTo(message.AsMemory(1));
                _hasSent = true;

                // A cancelled send would leave half a message behind.
                await _webSocket.SendAsync(message.AsMemory(0, 1 + length), WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None).ConfigureAwait(false);
                data = data[length..];
            }

            return true;
        }
        catch (Exception e) when (IsTransportFault(e))
        {
            return false; // The end of the pair says why.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(message);
        }
    }

    /// <summary>Ends the connection, as there is no other way to say that the client has finished; what the pod has sent until then still arrives.</summary>
    public async ValueTask FinishAsync(CancellationToken cancellationToken) => await WebSocketUpgrade.SayGoodbyeAsync(_webSocket).ConfigureAwait(false);

    public void Leave()
    {
        _clientLeft = true;
        _input.Reader.CancelPendingRead();
    }

    public void Reset()
    {
        _wasGivenUp = true;
        _input.Writer.CancelPendingFlush();
        _webSocket.Abort();
    }

    public async ValueTask DisposeAsync()
    {
        if (_clientLeft && !_reading.IsCompleted)
        {
            _input.Writer.CancelPendingFlush();
            await FinishAsync(CancellationToken.None).ConfigureAwait(false);
        }

        await CloseAsync().ConfigureAwait(false);
        await _input.Reader.CompleteAsync().ConfigureAwait(false);
    }

    /// <summary>Ends the connection, if it has not ended. What has arrived can still be read.</summary>
    public async ValueTask CloseAsync()
    {
        if (!_reading.IsCompleted)
        {
            Reset();
        }

        await _reading.ConfigureAwait(false);
        await _liveness.DisposeAsync().ConfigureAwait(false);
        _webSocket.Dispose();
    }

    Task ILivingConnection.AskAsync(CancellationToken untilNext) => Task.CompletedTask;

    void ILivingConnection.Abort(TimeoutException reason)
    {
        _dead = reason;
        _webSocket.Abort();
    }

    private static bool IsTransportFault(Exception e) =>
        e is WebSocketException or IOException or ObjectDisposedException or InvalidOperationException or OperationCanceledException;

    /// <summary>Takes messages until the WebSocket ends.</summary>
    /// <returns>How the pair ended.</returns>
    private async Task<PairEnd> ReadLoopAsync()
    {
        PairEnd end;
        try
        {
            await TakeMessagesAsync().ConfigureAwait(false);
            await WebSocketUpgrade.SayGoodbyeAsync(_webSocket).ConfigureAwait(false);
            end = new PairEnd(PairEndKind.Completed);
        }
        catch (Exception e) when (IsTransportFault(e))
        {
            if (!_wasGivenUp)
            {
                _onBroken((_dead ?? e).Message);
            }

            end = new PairEnd(PairEndKind.TunnelLost);
        }

        _webSocket.Abort();
        await _input.Writer.CompleteAsync().ConfigureAwait(false);
        return _error.WrittenCount > 0 ? new PairEnd(PairEndKind.Failed, Encoding.UTF8.GetString(_error.WrittenSpan).Trim()) : end;
    }

    private async Task TakeMessagesAsync()
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ReceiveSize);
        try
        {
            int channel = -1;
            byte[][] preambles = [new byte[PreambleSize], new byte[PreambleSize]];
            int[] preambleBytes = [0, 0];
            while (true)
            {
                _isReading = true;
                ValueWebSocketReceiveResult received = await _webSocket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None).ConfigureAwait(false);
                _isReading = false;
                switch (received.MessageType)
                {
                    case WebSocketMessageType.Close when _webSocket.CloseStatus is null or WebSocketCloseStatus.NormalClosure:
                        return;
                    case WebSocketMessageType.Close:
                        throw new IOException($"the server closed the WebSocket with status {(int)_webSocket.CloseStatus} {_webSocket.CloseStatusDescription}".TrimEnd());
                    case WebSocketMessageType.Text:
                        throw new IOException("the server sent a text message, which the channel protocol does not know");
                }

                ReadOnlyMemory<byte> bytes = buffer.AsMemory(0, received.Count);
                if (channel < 0 && !bytes.IsEmpty)
                {
                    channel = bytes.Span[0];
                    bytes = bytes[1..];
                    if (channel > ErrorChannel)
                    {
                        throw new IOException($"the server sent a message on channel {channel}, of which there are two");
                    }
                }

                if (channel >= 0 && preambleBytes[channel] < PreambleSize)
                {
                    int taken = Math.Min(bytes.Length, PreambleSize - preambleBytes[channel]);
                    bytes[..taken].CopyTo(preambles[channel].AsMemory(preambleBytes[channel]));
                    preambleBytes[channel] += taken;
                    bytes = bytes[taken..];
                    if (preambleBytes[channel] == PreambleSize && BinaryPrimitives.ReadUInt16LittleEndian(preambles[channel]) is var port && port != _port)
                    {
                        throw new IOException($"the server opened port {port} instead of port {_port}");
                    }
                }

                if (!bytes.IsEmpty && channel == ErrorChannel)
                {
                    _error.Write(bytes.Span[..Math.Min(bytes.Length, MaxErrorMessage - _error.WrittenCount)]);
                }
                else if (!bytes.IsEmpty)
                {
                    _input.Writer.Write(bytes.Span);
                    await _input.Writer.FlushAsync(CancellationToken.None).ConfigureAwait(false);
                }

                channel = received.EndOfMessage ? -1 : channel;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
