using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text;
using PortForward.WebSockets;

namespace PortForward.Tunnels;

/// <summary>
/// A connection to one port of a pod in a WebSocket of its own: channel 0 carries data both ways, channel 1 the pod's error message. Each message begins
/// with its channel's number, and each channel from the server with the port, in two bytes (kubelet, <c>portforward/websocket.go</c>).
/// </summary>
/// <remarks>
/// The protocol knows no half-close and no reset: closing the WebSocket is the only end. A client that does not read blocks nobody else, so the read loop
/// simply waits for it, and the pod feels it as TCP backpressure.
/// </remarks>
internal sealed class ChannelPair : ITunnelPair, IMonitoredConnection
{
    /// <summary>The most bytes of data in one message to the server; the same as in a SPDY frame.</summary>
    public const int MaxMessage = 32 * 1024;

    private const byte DataChannel = 0;
    private const byte ErrorChannel = 1;
    private const int PreambleSize = sizeof(ushort);

    /// <summary>The most bytes of an error message that are kept. Real ones have some hundred.</summary>
    private const int MaxErrorMessage = 8 * 1024;

    /// <summary>How many bytes of the pod's data are buffered while the client does not read.</summary>
    private const int InputBufferSize = 256 * 1024;

    private const int ReceiveSize = 64 * 1024;

    private readonly WebSocketConnection _webSocket;
    private readonly int _port;
    private readonly Action<string> _onBroken;
    private readonly Liveness _liveness;
    private readonly Pipe _input = new(new PipeOptions(
        pauseWriterThreshold: InputBufferSize, resumeWriterThreshold: InputBufferSize / 2, minimumSegmentSize: 16 * 1024, useSynchronizationContext: false));

    private readonly ArrayBufferWriter<byte> _error = new();
    private readonly TaskCompletionSource<bool> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly Task<PairEnd> _reading;
    private long _receivedBefore = -1;
    private volatile bool _isReading;
    private volatile bool _isReset;
    private volatile bool _isClosedByClient;
    private TimeoutException? _dead;
    private volatile string? _whyBroken;

    /// <summary>Starts to read.</summary>
    /// <param name="webSocket">A WebSocket that has just been opened; it belongs to the pair.</param>
    /// <param name="port">The pod's port that it leads to.</param>
    /// <param name="options">The clock and the time after which silence means death.</param>
    /// <param name="onBroken">Called with the reason when it ends in another way than the protocol's.</param>
    public ChannelPair(WebSocketConnection webSocket, int port, TunnelDialOptions options, Action<string> onBroken)
    {
        _webSocket = webSocket;
        _port = port;
        _onBroken = onBroken;
        _reading = Task.Run(ReadLoopAsync);
        _liveness = new Liveness(this, options);
    }

    public PipeReader Input => _input.Reader;

    public Task<PairEnd> Completion => _reading;

    /// <summary>
    /// Completes with true once the server has opened the port, which it says on both channels before anything else, and with false when the connection
    /// ended before. Never faults.
    /// </summary>
    public Task<bool> Opened => _opened.Task;

    /// <summary>Why the connection broke off; null as long as it has not.</summary>
    public string? WhyBroken => _whyBroken;

    /// <summary>Whether this side has ended it.</summary>
    public bool EndedByThisSide => _isReset || _isClosedByClient;

    /// <summary>Called when <see cref="IsSilent"/> or <see cref="IsUnresponsive"/> has become true.</summary>
    public Action? OnSilence { get; set; }

    public bool IsSilent => _liveness.IsSilent && !_reading.IsCompleted;

    public bool IsUnresponsive => _liveness.IsUnresponsive && !_reading.IsCompleted;

    public bool IsReading => _isReading;

    long IMonitoredConnection.BytesReceived => _webSocket.BytesReceived;

    bool IMonitoredConnection.HasUnacknowledgedData => _webSocket.HasUnacknowledgedData;

    /// <summary>Closes the connection. It serves no other pair, so nothing has to be drained.</summary>
    public async Task<bool> DrainAsync(CancellationToken cancellationToken)
    {
        await DisposeAsync().ConfigureAwait(false);
        return true;
    }

    /// <summary>Does nothing: the connection has no other pair.</summary>
    public bool TryEndBlockedPairs() => true;

    public async ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        byte[] message = ArrayPool<byte>.Shared.Rent(1 + Math.Min(data.Length, MaxMessage));
        try
        {
            message[0] = DataChannel;
            while (!data.IsEmpty)
            {
                int length = Math.Min(data.Length, MaxMessage);
                data[..length].CopyTo(message.AsMemory(1));
                await _webSocket.SendAsync(message.AsMemory(0, 1 + length), cancellationToken).ConfigureAwait(false);
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

    /// <summary>
    /// Closes this side of the connection, the only way to say that the client has finished. What the pod has sent until then still arrives. The close waits
    /// behind the bytes before it, so that an application that does not read at the moment loses none of them.
    /// </summary>
    public async ValueTask FinishAsync(CancellationToken cancellationToken) => await CloseOutputAsync().WaitAsync(cancellationToken).ConfigureAwait(false);

    public void CloseByClient()
    {
        _isClosedByClient = true;
        _input.Reader.CancelPendingRead();
    }

    public void Reset()
    {
        _isReset = true;
        _webSocket.Abort(); // First, or the loop could take the next message and wait for the client again.
        _input.Writer.CancelPendingFlush();
    }

    public async ValueTask DisposeAsync()
    {
        if (_isClosedByClient)
        {
            // The server ends its side once it has read everything up to the close frame. Ending earlier would discard what this system has not sent yet. The
            // tunnel's owner limits how long an application may take.
            await _input.Reader.CompleteAsync().ConfigureAwait(false);
            await CloseOutputAsync().ConfigureAwait(false);
            await _reading.ConfigureAwait(false);
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
        await _webSocket.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// Sends one PING at a time. As long as it has no pong, because an application does not read or something on the network drops PINGs, an empty message
    /// keeps load balancers from cutting the connection; the kubelet skips it (<c>wsstream/conn.go</c>).
    /// </summary>
    Task IMonitoredConnection.PingAsync(CancellationToken untilNext)
    {
        long received = _webSocket.BytesReceived;
        bool isSilent = received == Interlocked.Exchange(ref _receivedBefore, received);
        if (!_webSocket.HasOpenPing)
        {
            _webSocket.Ping();
        }
        else if (isSilent)
        {
            _webSocket.TrySendEmpty();
        }

        return Task.CompletedTask;
    }

    void IMonitoredConnection.ReportSilence() => OnSilence?.Invoke();

    void IMonitoredConnection.Abort(TimeoutException reason)
    {
        _dead = reason;
        _webSocket.Abort();
    }

    private async Task CloseOutputAsync()
    {
        try
        {
            await _webSocket.CloseOutputAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (IsTransportFault(e))
        {
            // It has ended already, and the end of the pair says why.
        }
    }

    private static bool IsTransportFault(Exception e) =>
        e is IOException or ObjectDisposedException or InvalidOperationException;

    /// <summary>Takes messages until the WebSocket ends.</summary>
    /// <returns>How the pair ended.</returns>
    private async Task<PairEnd> ReadLoopAsync()
    {
        PairEnd end;
        try
        {
            await TakeMessagesAsync().ConfigureAwait(false);
            await _webSocket.TryCloseOutputAsync().ConfigureAwait(false);
            end = new PairEnd(PairEndKind.Completed);
        }
        catch (Exception e)
        {
            // Whatever it was, it has ended the connection, and is told as the reason.
            _whyBroken = (_dead ?? e).Message;
            if (!EndedByThisSide)
            {
                _onBroken(_whyBroken);
            }

            end = new PairEnd(PairEndKind.TunnelLost);
        }

        _webSocket.Abort();
        _opened.TrySetResult(false);
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
                (ReadOnlyMemory<byte> Bytes, bool EndsMessage)? received = await _webSocket.ReceiveAsync(buffer).ConfigureAwait(false);
                _isReading = false;
                if (received is not ({ } bytes, { } endsMessage))
                {
                    // Without the port's opening there was no application, so this end is no completion.
                    if (_opened.Task.IsCompleted)
                    {
                        return;
                    }

                    throw new IOException("the server closed the WebSocket before it had opened the port");
                }

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
                    int length = Math.Min(bytes.Length, PreambleSize - preambleBytes[channel]);
                    bytes[..length].CopyTo(preambles[channel].AsMemory(preambleBytes[channel]));
                    preambleBytes[channel] += length;
                    bytes = bytes[length..];
                    if (preambleBytes[channel] == PreambleSize && BinaryPrimitives.ReadUInt16LittleEndian(preambles[channel]) is var port && port != _port)
                    {
                        throw new IOException($"the server opened port {port} instead of port {_port}");
                    }

                    if (preambleBytes is [PreambleSize, PreambleSize])
                    {
                        _opened.TrySetResult(true);
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

                channel = endsMessage ? -1 : channel;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
