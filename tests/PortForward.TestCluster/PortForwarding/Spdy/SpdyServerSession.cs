using System.Collections.Concurrent;
using System.Threading.Channels;

namespace PortForward.Testing.PortForwarding.Spdy;

/// <summary>
/// A SPDY/3.1 server session with the habits of the library that containerd and CRI-O use: no flow control, five
/// workers with queues of fifty frames, and a stalled stream that in the end stalls everything.
/// </summary>
internal sealed class SpdyServerSession : IDisposable
{
    public const int WorkerCount = 5;
    public const int WorkerQueueLength = 50;

    private readonly Stream _transport;
    private readonly PortForwardOptions _options;
    private readonly bool _answersStreams;
    private readonly bool _splitFrames;
    private readonly Func<SpdyServerStream, bool> _accept;
    private readonly Action<string> _violation;
    private readonly ConcurrentDictionary<int, SpdyServerStream> _streams = new();

    /// <summary>Which streams the client has ended; they stay known when the other side has ended, too, and the stream is forgotten.</summary>
    private readonly ConcurrentDictionary<int, bool> _endedByClient = new();
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly SpdyHeaderReader _headerReader = new();
    private readonly SpdyHeaderWriter _headerWriter = new();
    private readonly CancellationTokenSource _closing = new();
    private ITimer? _idle;
    private CancellationToken _cut;
    private int _nextExpectedId = 1;
    private int _roundRobin;

    /// <summary>A session that begins with <see cref="RunAsync"/>.</summary>
    /// <param name="transport">The client's bytes.</param>
    /// <param name="options">The runtime's times.</param>
    /// <param name="splitFrames">Whether a data frame leaves in three writes, which become three WebSocket messages.</param>
    /// <param name="accept">Takes a new stream, or refuses it; a refused one is reset.</param>
    /// <param name="violation">Told about each breach of the protocol by the client.</param>
    public SpdyServerSession(Stream transport, PortForwardOptions options, bool splitFrames, Func<SpdyServerStream, bool> accept, Action<string> violation)
    {
        _transport = transport;
        _options = options;
        _answersStreams = options.AnswersStreams;
        _splitFrames = splitFrames;
        _accept = accept;
        _violation = violation;
    }

    /// <summary>Streams that at least one side has not ended.</summary>
    public int OpenStreams => _streams.Count;

    /// <summary>Runs until the client leaves, breaks the protocol, says GOAWAY or idles for too long.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        _cut = cancellationToken;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        _idle = _options.TimeProvider.CreateTimer(_ => _closing.Cancel(), null, _options.IdleTimeout, Timeout.InfiniteTimeSpan);
        var queues = Enumerable.Range(0, WorkerCount).Select(_ => Channel.CreateBounded<SpdyFrame>(WorkerQueueLength)).ToArray();
        var workers = queues.Select(queue => WorkAsync(queue.Reader)).ToArray();
        try
        {
            await ReadFramesAsync(queues, stop.Token);
        }
        catch (SpdyProtocolException broken)
        {
            _violation(broken.Message);
        }
        catch (Exception over) when (over is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The client's connection is gone, was cut by a test, or idled for too long.
        }
        finally
        {
            await EndAsync(cancellationToken);
            foreach (var queue in queues)
                queue.Writer.Complete();
            await Task.WhenAll(workers);
        }
    }

    public Task WriteGoAwayAsync(CancellationToken cancellationToken) =>
        WriteAsync(SpdyFrame.Numbers(SpdyFrameType.GoAway, Math.Max(0, _nextExpectedId - 2), 0), cancellationToken);

    public Task WritePingAsync(int id, CancellationToken cancellationToken) =>
        WriteAsync(SpdyFrame.Numbers(SpdyFrameType.Ping, id), cancellationToken);

    public Task WriteResetAsync(int streamId, SpdyResetStatus status, CancellationToken cancellationToken) =>
        WriteAsync(SpdyFrame.Numbers(SpdyFrameType.RstStream, streamId, (int)status), cancellationToken);

    /// <summary>Writes bytes between two frames just as they are.</summary>
    public Task WriteRawAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) => WriteAsync(bytes, cancellationToken);

    public async ValueTask WriteDataAsync(int streamId, byte flags, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var header = SpdyFrame.DataHeader(streamId, flags, bytes.Length);
        await _writing.WaitAsync(cancellationToken);
        try
        {
            if (_cut.IsCancellationRequested)
                return;
            if (_splitFrames)
            {
                await _transport.WriteAsync(header.AsMemory(0, 4), CancellationToken.None);
                await _transport.WriteAsync(header.AsMemory(4, 4), CancellationToken.None);
                if (!bytes.IsEmpty)
                    await _transport.WriteAsync(bytes, CancellationToken.None);
            }
            else
            {
                byte[] frame = [.. header, .. bytes.Span];
                await _transport.WriteAsync(frame, CancellationToken.None);
            }
        }
        finally
        {
            _writing.Release();
        }

        RestartIdleTimer();
    }

    public void Forget(SpdyServerStream stream) => _streams.TryRemove(KeyValuePair.Create(stream.Id, stream));

    public void Dispose()
    {
        _idle?.Dispose();
        _headerReader.Dispose();
        _closing.Dispose();
        _writing.Dispose();
    }

    private async Task ReadFramesAsync(Channel<SpdyFrame>[] queues, CancellationToken cancellationToken)
    {
        while (await SpdyFrame.ReadAsync(_transport, cancellationToken) is { } frame)
        {
            RestartIdleTimer();
            switch (frame.Type)
            {
                case SpdyFrameType.GoAway:
                    return;
                case SpdyFrameType.SynStream:
                    if (await TryAddStreamAsync(frame, cancellationToken))
                        await queues[frame.StreamId % WorkerCount].Writer.WriteAsync(frame, cancellationToken);
                    break;
                case SpdyFrameType.Ping or SpdyFrameType.Settings or SpdyFrameType.WindowUpdate:
                    await queues[_roundRobin++ % WorkerCount].Writer.WriteAsync(frame, cancellationToken);
                    break;
                case SpdyFrameType.Headers:
                    _headerReader.Read(frame.Body.AsSpan(4));
                    _violation($"HEADERS on stream {frame.StreamId}: no client of port forwarding sends any.");
                    break;
                case SpdyFrameType.SynReply:
                    _violation($"SYN_REPLY on stream {frame.StreamId}, which the client itself opened.");
                    break;
                default:
                    await queues[frame.StreamId % WorkerCount].Writer.WriteAsync(frame, cancellationToken);
                    break;
            }
        }
    }

    private async ValueTask<bool> TryAddStreamAsync(SpdyFrame frame, CancellationToken cancellationToken)
    {
        var headers = _headerReader.Read(frame.Body.AsSpan(10));
        if (frame.StreamId < _nextExpectedId)
        {
            _violation($"SYN_STREAM {frame.StreamId} after {_nextExpectedId - 2}: stream ids must increase.");
            await WriteResetAsync(frame.StreamId, SpdyResetStatus.ProtocolError, cancellationToken);
            return false;
        }

        if (frame.StreamId % 2 == 0)
            _violation($"SYN_STREAM {frame.StreamId}: a client's stream ids are odd.");
        _nextExpectedId = frame.StreamId + 2;
        var stream = new SpdyServerStream(this, frame.StreamId, headers);
        _streams[frame.StreamId] = stream;
        if ((frame.Flags & SpdyFrame.Unidirectional) != 0)
            stream.EndLocalFromStart();
        if (frame.IsFin)
        {
            _endedByClient[frame.StreamId] = true;
            stream.EndRemote();
        }

        return true;
    }

    private async Task WorkAsync(ChannelReader<SpdyFrame> queue)
    {
        await foreach (var frame in queue.ReadAllAsync())
        {
            try
            {
                await HandleAsync(frame);
            }
            catch (Exception lost) when (lost is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // An answer that can no longer be written; the read loop notices the end by itself.
            }
        }
    }

    private async ValueTask HandleAsync(SpdyFrame frame)
    {
        if (frame.Type is SpdyFrameType.Ping)
        {
            // An even id would be the answer to a PING of the server's own.
            if (frame.StreamId % 2 != 0)
                await WriteAsync(SpdyFrame.Numbers(SpdyFrameType.Ping, frame.StreamId), CancellationToken.None);
            return;
        }

        if (_answersStreams && frame.Type is SpdyFrameType.Data && _endedByClient.ContainsKey(frame.StreamId))
            _violation($"A data frame on stream {frame.StreamId} after its end.");
        if (_answersStreams && (frame.Type is SpdyFrameType.RstStream || frame is { Type: SpdyFrameType.Data, IsFin: true }))
            _endedByClient[frame.StreamId] = true;
        if (!_answersStreams || !_streams.TryGetValue(frame.StreamId, out var stream))
            return;

        switch (frame.Type)
        {
            case SpdyFrameType.SynStream:
                if (_accept(stream))
                {
                    await WriteReplyAsync(stream.Id);
                    stream.MarkReplied();
                }
                else
                {
                    await stream.ResetAsync(SpdyResetStatus.Cancel, CancellationToken.None);
                }

                break;
            case SpdyFrameType.RstStream:
                stream.EndByReset();
                break;
            case SpdyFrameType.Data:
                if (frame.Body.Length > 0 && !stream.RemoteEnded)
                    await stream.DeliverAsync(frame.Body);
                if (frame.IsFin)
                    stream.EndRemote();

                break;
        }
    }

    private async Task WriteReplyAsync(int streamId)
    {
        await _writing.WaitAsync();
        try
        {
            byte[] body = [.. BitConverter.GetBytes(System.Net.IPAddress.HostToNetworkOrder(streamId)), .. _headerWriter.WriteEmpty()];
            await _transport.WriteAsync(SpdyFrame.Control(SpdyFrameType.SynReply, flags: 0, body));
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            // When the API server goes away in the middle of a connection, nobody says that it has ended well.
            if (!_cut.IsCancellationRequested)
                await _transport.WriteAsync(bytes, cancellationToken);
        }
        finally
        {
            _writing.Release();
        }

        RestartIdleTimer();
    }

    /// <summary>The library's farewell: every open stream reset, then GOAWAY, as far as the client still takes it.</summary>
    private async Task EndAsync(CancellationToken cancellationToken)
    {
        if (_idle is not null)
            await _idle.DisposeAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2), _options.TimeProvider);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        var canWrite = true;
        foreach (var stream in _streams.Values)
        {
            try
            {
                if (canWrite)
                    await stream.ResetAsync(SpdyResetStatus.Cancel, stop.Token);
                else
                    stream.EndByReset();
            }
            catch (Exception lost) when (lost is IOException or OperationCanceledException or ObjectDisposedException)
            {
                canWrite = false;
                stream.EndByReset();
            }
        }

        if (!canWrite)
            return;
        try
        {
            await WriteGoAwayAsync(stop.Token);
        }
        catch (Exception lost) when (lost is IOException or OperationCanceledException or ObjectDisposedException)
        {
        }
    }

    private void RestartIdleTimer() => _idle?.Change(_options.IdleTimeout, Timeout.InfiniteTimeSpan);
}
