using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using PortForward.Tunnels;

namespace PortForward.Forwarding;

/// <summary>
/// One attempt to carry a connection over one stream pair: copies both ways until the pod's side has ended, and returns how it ended. The
/// <see cref="ConnectionPump"/> decides what follows: another attempt, or the end of the client's side.
/// </summary>
internal sealed class PairCopy : IAsyncDisposable
{
    /// <summary>How much is read from the client at once: two data frames.</summary>
    private const int ReadSize = 64 * 1024;

    /// <summary>
    /// After how many bytes from a client that always has more the loop yields: its thread may be the one that polls the system for other connections.
    /// </summary>
    private const int MaxWithoutWait = 1024 * 1024;

    /// <summary>How soon to check first whether a client that has finished sending has closed; the interval doubles with each check.</summary>
    private static readonly TimeSpan FirstCloseCheck = TimeSpan.FromMilliseconds(2);

    /// <summary>Timers round anything shorter down to zero, and the loop would not wait at all.</summary>
    private static readonly TimeSpan MinCloseCheck = TimeSpan.FromMilliseconds(1);

    private static readonly TimeSpan MaxCloseCheck = TimeSpan.FromMilliseconds(250);

    private readonly ClientEnd _client;
    private readonly IStreamPair _pair;
    private readonly ReplayBuffer _replay;
    private readonly PortForwarderOptions _options;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stop;
    private readonly CancellationTokenRegistration _abort;
    private readonly CancellationTokenSource _reading;
    private readonly TaskCompletionSource _podEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Since when the pod is silent, as a timestamp of the clock. Time in which the client does not read is not counted.</summary>
    private long _silentSince;
    private volatile bool _clientIsSlow;
    private long _bytesSent;
    private long _bytesReceived;
    private bool _isPairReleased;

    /// <summary>Creates an attempt; <see cref="RunAsync"/> starts it.</summary>
    /// <param name="client">The client's side.</param>
    /// <param name="pair">The way to the pod, owned by the attempt from now on.</param>
    /// <param name="replay">Keeps what the client sends, for another attempt.</param>
    /// <param name="initialLength">How many bytes the pair was opened with.</param>
    /// <param name="options">The timeouts and the clock.</param>
    /// <param name="stop">Ends the attempt wherever it is.</param>
    public PairCopy(ClientEnd client, IStreamPair pair, ReplayBuffer replay, int initialLength, PortForwarderOptions options, CancellationToken stop)
    {
        _client = client;
        _pair = pair;
        _replay = replay;
        _options = options;
        _time = options.Time;
        _stop = stop;
        _bytesSent = initialLength;
        _abort = stop.UnsafeRegister(static copy => ((PairCopy)copy!).Abort(), this);
        _reading = CancellationTokenSource.CreateLinkedTokenSource(stop);
    }

    /// <summary>Bytes from the client that the tunnel has accepted.</summary>
    public long BytesSent => Interlocked.Read(ref _bytesSent);

    /// <summary>Bytes from the pod that the client's side has accepted.</summary>
    public long BytesReceived => Interlocked.Read(ref _bytesReceived);

    /// <summary>
    /// The copy from the client to the pod. Once the pod's side has ended, what the client still sends is discarded, until it closes. Never faults.
    /// </summary>
    public Task Upload { get; private set; } = Task.CompletedTask;

    /// <summary>Copies both ways until the pod's side has ended, or the client takes no more.</summary>
    /// <param name="moreBytes">What the client has sent before, beyond the initial data.</param>
    /// <returns>How the pod's side has ended.</returns>
    public async Task<ConnectionEnd> RunAsync(ReadOnlyMemory<byte> moreBytes)
    {
        _silentSince = _time.GetTimestamp();
        Upload = UploadAsync(moreBytes);
        bool clientReads = await DownloadAsync().ConfigureAwait(false);
        _podEnded.TrySetResult();
        return clientReads && !_client.IsGone ? await ReadCompletionStatusAsync().ConfigureAwait(false) : new ConnectionEnd(ConnectionEndKind.ClientGone);
    }

    /// <summary>Stops reading from the client between two reads, so that no byte is lost. The next attempt reads what the client sends from now on.</summary>
    public async Task StopUploadAsync()
    {
        await _reading.CancelAsync().ConfigureAwait(false);
        await Upload.ConfigureAwait(false);
    }

    /// <summary>Releases the pair: its tunnel can serve the next connection.</summary>
    public ValueTask ReleasePairAsync()
    {
        if (_isPairReleased)
        {
            return ValueTask.CompletedTask;
        }

        _isPairReleased = true;
        return _pair.DisposeAsync();
    }

    /// <summary>Releases the pair and waits for the end of the upload, which comes when the client's side is closed or the upload was stopped.</summary>
    public async ValueTask DisposeAsync()
    {
        await ReleasePairAsync().ConfigureAwait(false);
        await Upload.ConfigureAwait(false);
        _reading.Dispose();
        await _abort.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Ends both sides at once, which makes both copies end whatever they are waiting for.</summary>
    private void Abort()
    {
        _client.Close(withReset: true);
        _pair.Reset();
    }

    /// <summary>Copies from the client to the pod until one of them ends; then discards what the client still sends, until it ends.</summary>
    private async Task UploadAsync(ReadOnlyMemory<byte> moreBytes)
    {
        CancellationToken reading = _reading.Token;
        try
        {
            bool podReads = moreBytes.IsEmpty || await SendToPodAsync(moreBytes).ConfigureAwait(false);
            int sinceWait = 0;
            while (!_client.HasFinished)
            {
                // Waiting with an empty buffer costs an idle connection no memory.
                ValueTask<int> waiting = _client.ReceiveAsync(Memory<byte>.Empty, reading);
                sinceWait = waiting.IsCompleted ? sinceWait : 0;
                await waiting.ConfigureAwait(false);
                if (sinceWait > MaxWithoutWait)
                {
                    await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                    sinceWait = 0;
                }

                byte[] buffer = ArrayPool<byte>.Shared.Rent(ReadSize);
                try
                {
                    int length = await _client.ReceiveAsync(buffer.AsMemory(), reading).ConfigureAwait(false);
                    if (length == 0)
                    {
                        _client.HasFinished = true;
                        break;
                    }

                    sinceWait += length;
                    _replay.Append(buffer.AsSpan(0, length));
                    podReads = podReads && !_podEnded.Task.IsCompleted && await SendToPodAsync(buffer.AsMemory(0, length)).ConfigureAwait(false);
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                }
            }

            await HoldFinishAsync(reading).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // The client has reset the connection, which the pod is told at once. (After the pod's own end this does nothing.)
            _client.MarkGone();
            _pair.Reset();
        }
        catch (Exception e) when (e is ObjectDisposedException or OperationCanceledException)
        {
            // The client's side was closed here, another attempt follows, or the connection was stopped.
        }
    }

    private async ValueTask<bool> SendToPodAsync(ReadOnlyMemory<byte> bytes)
    {
        bool sent = await _pair.WriteAsync(bytes, _stop).ConfigureAwait(false);
        if (sent)
        {
            Interlocked.Add(ref _bytesSent, bytes.Length);
        }

        return sent;
    }

    /// <summary>
    /// Holds the client's FIN back until the pod has been silent for a while, because the runtimes cut the answer one second after a FIN. A client that has
    /// closed its connection waits for no answer, so its tunnel is freed at once.
    /// </summary>
    private async Task HoldFinishAsync(CancellationToken reading)
    {
        long finished = _time.GetTimestamp();
        TimeSpan check = FirstCloseCheck;
        while (!_podEnded.Task.IsCompleted)
        {
            // Many clients close right after their FIN.
            if (_client.IsClosedByClient())
            {
                _client.MarkGone();
                _pair.CloseByClient();
                return;
            }

            long since = Math.Max(finished, Interlocked.Read(ref _silentSince));
            TimeSpan remaining = _clientIsSlow ? _options.HalfCloseTimeout : _options.HalfCloseTimeout - _time.GetElapsedTime(since);
            if (remaining <= TimeSpan.Zero)
            {
                await _pair.FinishAsync(reading).ConfigureAwait(false);
                return;
            }

            using var podEnded = CancellationTokenSource.CreateLinkedTokenSource(reading);
            TimeSpan wait = remaining < check ? remaining : check;
            check = check < MaxCloseCheck ? check + check : MaxCloseCheck; // It would overflow otherwise.
            Task silence = Task.Delay(wait > MinCloseCheck ? wait : MinCloseCheck, _time, podEnded.Token);
            await Task.WhenAny(silence, _podEnded.Task).ConfigureAwait(false);
            await podEnded.CancelAsync().ConfigureAwait(false);
            reading.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Copies from the pod to the client until the pod's data ends. False when the client does not take it any more.</summary>
    private async Task<bool> DownloadAsync()
    {
        while (true)
        {
            ReadResult result = await _pair.Input.ReadAsync(CancellationToken.None).ConfigureAwait(false);
            if (result.IsCanceled)
            {
                _pair.Input.AdvanceTo(result.Buffer.Start);
                return false;
            }

            try
            {
                if (!result.Buffer.IsEmpty)
                {
                    _replay.Release();
                }

                _clientIsSlow = true;
                foreach (ReadOnlyMemory<byte> segment in result.Buffer)
                {
                    await SendToClientAsync(segment).ConfigureAwait(false);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                _client.MarkGone();
                return false;
            }
            finally
            {
                Interlocked.Exchange(ref _silentSince, _time.GetTimestamp());
                _clientIsSlow = false;
                _pair.Input.AdvanceTo(result.Buffer.End);
            }

            if (result.IsCompleted)
            {
                return true;
            }
        }
    }

    private async ValueTask SendToClientAsync(ReadOnlyMemory<byte> data)
    {
        while (data.Length > 0)
        {
            int sent = await _client.SendAsync(data).ConfigureAwait(false);
            Interlocked.Add(ref _bytesReceived, sent);
            data = data[sent..];
        }
    }

    /// <summary>The end of the error stream says how the connection ended; the end of the data does not, since it comes first.</summary>
    private async Task<ConnectionEnd> ReadCompletionStatusAsync()
    {
        PairEnd end;
        try
        {
            end = await _pair.Completion.WaitAsync(_options.CompletionStatusTimeout, _time, _stop).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return new ConnectionEnd(ConnectionEndKind.NoCompletionStatus);
        }

        return end.Kind switch
        {
            PairEndKind.Completed => new ConnectionEnd(ConnectionEndKind.Completed),
            PairEndKind.Failed => new ConnectionEnd(ConnectionEndKind.PodFailed) { PodMessage = end.Message },
            PairEndKind.TunnelLost => new ConnectionEnd(ConnectionEndKind.TunnelLost),
            PairEndKind.Unanswered => new ConnectionEnd(ConnectionEndKind.Unanswered),
            _ => new ConnectionEnd(ConnectionEndKind.PodReset),
        };
    }
}
