using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using PortForward.Tunnels;

namespace PortForward.Forwarding;

/// <summary>Carries one accepted connection: opens a stream pair, copies both ways, and ends both sides as the other side ended.</summary>
internal sealed class ConnectionPump
{
    /// <summary>How much is read from the client at once: two data frames.</summary>
    private const int ReadSize = 64 * 1024;

    /// <summary>
    /// How many bytes are read from a client that always has some before others get a turn: the thread may be the one that hears for other connections
    /// from the system.
    /// </summary>
    private const int MaxWithoutWait = 1024 * 1024;

    /// <summary>How many tunnels a connection that has sent and got nothing yet may lose before it is given up.</summary>
    private const int MaxTries = 8;

    /// <summary>How many tunnels may not answer a connection before it is given up: with 10 s each that is as long as kubectl waits.</summary>
    private const int MaxUnanswered = 3;

    /// <summary>When to look first whether a client that has finished sending has closed; then after twice as long each time.</summary>
    private static readonly TimeSpan FirstLook = TimeSpan.FromMilliseconds(2);

    /// <summary>Less than this a timer takes for nothing, and the loop would turn without waiting.</summary>
    private static readonly TimeSpan ShortestLook = TimeSpan.FromMilliseconds(1);

    private static readonly TimeSpan LongestLook = TimeSpan.FromMilliseconds(250);

    /// <summary>How often to look whether the client of a connection that is held up has left.</summary>
    private static readonly TimeSpan HeldLook = TimeSpan.FromMilliseconds(100);

    private readonly ClientEnd _client;
    private readonly Socket _socket;
    private readonly ITunnelSource _tunnels;
    private readonly ForwardedPort _port;
    private readonly PortForwarderOptions _options;
    private readonly TimeProvider _time;
    private readonly ReplayBuffer _replay = new();
    private TaskCompletionSource _podEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>When the pod's silence began. It does not run while the client is the one who is not reading.</summary>
    private long _silentSince;
    private volatile bool _clientIsSlow;
    private long _bytesSent;
    private long _bytesReceived;

    /// <summary>Creates a pump for one connection.</summary>
    /// <param name="client">The accepted connection, owned by the pump from now on.</param>
    /// <param name="tunnels">Where stream pairs come from.</param>
    /// <param name="port">The port that it came in on.</param>
    /// <param name="options">The timeouts and the clock.</param>
    public ConnectionPump(Socket client, ITunnelSource tunnels, ForwardedPort port, PortForwarderOptions options)
    {
        _client = new ClientEnd(client, options);
        _socket = client;
        _tunnels = tunnels;
        _port = port;
        _options = options;
        _time = options.Time;
    }

    /// <summary>Bytes from the client that the tunnel has taken.</summary>
    public long BytesSent => Interlocked.Read(ref _bytesSent);

    /// <summary>Bytes from the pod that the client's socket has taken.</summary>
    public long BytesReceived => Interlocked.Read(ref _bytesReceived);

    /// <summary>Runs the connection to its end. Never throws for anything that a client, a pod or a network can do.</summary>
    public async Task<ConnectionEnd> RunAsync(CancellationToken stop)
    {
        try
        {
            _socket.NoDelay = true;
            ClientSocket.KeepAlive(_socket);
            await TakeInitialDataAsync(stop).ConfigureAwait(false);
            return await TryPodsAsync(stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return new ConnectionEnd(ConnectionEndKind.Stopped);
        }
        catch (OperationCanceledException) when (_client.IsGone)
        {
            return new ConnectionEnd(ConnectionEndKind.ClientGone);
        }
        catch (SocketException)
        {
            return new ConnectionEnd(ConnectionEndKind.ClientGone);
        }
        finally
        {
            // After an end in good order the socket is closed already, and this does nothing.
            _client.Close(withReset: true);
        }
    }

    /// <summary>Takes what the client has sent so far, to send it along with the opening: many servers speak first, so nothing is waited for.</summary>
    private async ValueTask TakeInitialDataAsync(CancellationToken stop)
    {
        int available = Math.Min(_socket.Available, _tunnels.MaxInitialData);
        if (available == 0)
        {
            return;
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(available);
        try
        {
            int length = await _socket.ReceiveAsync(buffer.AsMemory(0, available), SocketFlags.None, stop).ConfigureAwait(false);
            _replay.Append(buffer.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Carries the connection to a pod; to another one, once more from its beginning, if the first cannot have seen any of it.</summary>
    private async Task<ConnectionEnd> TryPodsAsync(CancellationToken stop)
    {
        List<string> failed = [];
        List<string> unanswered = [];
        ConnectionEnd? before = null;
        for (int tries = 1; ; tries++)
        {
            ReadOnlyMemory<byte> all = _replay.All!.Value;
            ReadOnlyMemory<byte> first = all[..Math.Min(all.Length, _tunnels.MaxInitialData)];
            var request = new PairRequest(_port.TargetPort, first)
            {
                PortIndex = _port.Index,
                AvoidedPods = failed,
                PodIsGone = before is { PodMessage: { } message } && PodError.Classify(message) == PodErrorKind.SandboxGone,
            };
            Attempt<RoutedPair> opened = await OpenPairAsync(request, stop).ConfigureAwait(false);
            if (!opened.Succeeded(out RoutedPair routed, out TunnelFault? fault))
            {
                stop.ThrowIfCancellationRequested();
                ConnectionEnd end = before ?? new ConnectionEnd(ConnectionEndKind.NoTunnel) { Fault = fault };
                await _client.EndAsync(end, upload: null, stop).ConfigureAwait(false);
                return end;
            }

            IStreamPair pair = routed.Pair;
            _bytesSent = first.Length;
            await using (stop.UnsafeRegister(_ => Abort(pair), null).ConfigureAwait(false))
            {
                (ConnectionEnd end, bool mayTryAgain) = await CarryAsync(pair, all[first.Length..], stop).ConfigureAwait(false);
                if (!mayTryAgain || tries == MaxTries || (end.Kind == ConnectionEndKind.Unanswered && unanswered.Count == MaxUnanswered - 1))
                {
                    return end;
                }

                before = end;
            }

            // A pod whose tunnel was lost may be the right one again; one that refused is not, nor one that has not answered if another tunnel did not help.
            string pod = routed.Pod;
            if (before.Value.Kind == ConnectionEndKind.PodFailed)
            {
                failed.Add(pod);
            }
            else if (before.Value.Kind == ConnectionEndKind.Unanswered)
            {
                unanswered.Add(pod);
                failed.AddRange(unanswered.Count > 1 ? unanswered : []);
            }
        }
    }

    /// <summary>
    /// Opens a pair, unless the client leaves while its connection is held up: what it had sent must not reach an application long after nobody waits for
    /// the answer, least of all several times from a client that tries again.
    /// </summary>
    /// <exception cref="OperationCanceledException">The client has left, or it was stopped.</exception>
    private async ValueTask<Attempt<RoutedPair>> OpenPairAsync(PairRequest request, CancellationToken stop)
    {
        using var wanted = CancellationTokenSource.CreateLinkedTokenSource(stop);
        ValueTask<Attempt<RoutedPair>> opened = _tunnels.OpenPairAsync(request, wanted.Token);
        if (opened.IsCompleted)
        {
            return await opened.ConfigureAwait(false);
        }

        Task<Attempt<RoutedPair>> opening = opened.AsTask();
        while (!opening.IsCompleted && !stop.IsCancellationRequested)
        {
            using var looking = CancellationTokenSource.CreateLinkedTokenSource(stop);
            await Task.WhenAny(opening, Task.Delay(HeldLook, _time, looking.Token)).ConfigureAwait(false);
            await looking.CancelAsync().ConfigureAwait(false);
            if (!opening.IsCompleted && _client.IsGoneWhileWaiting())
            {
                _client.MarkGone();
                await wanted.CancelAsync().ConfigureAwait(false);
                break;
            }
        }

        return await opening.ConfigureAwait(false);
    }

    private async Task<(ConnectionEnd End, bool MayTryAgain)> CarryAsync(IStreamPair pair, ReadOnlyMemory<byte> moreBytes, CancellationToken stop)
    {
        _silentSince = _time.GetTimestamp();
        _podEnded = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var attempt = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task upload = UploadAsync(pair, moreBytes, attempt.Token, stop);
        bool mayTryAgain = false;
        try
        {
            bool clientReads = await DownloadAsync(pair).ConfigureAwait(false);
            _podEnded.TrySetResult();
            ConnectionEnd end = clientReads && !_client.IsGone
                ? await VerdictAsync(pair, stop).ConfigureAwait(false)
                : new ConnectionEnd(ConnectionEndKind.ClientGone);
            stop.ThrowIfCancellationRequested();

            // From here on it is between this side and the client: the tunnel can serve the next connection.
            await pair.DisposeAsync().ConfigureAwait(false);
            if (MayBeUnseen(end))
            {
                // What the client sends from now on is for the next pod.
                await attempt.CancelAsync().ConfigureAwait(false);
                await upload.ConfigureAwait(false);
                mayTryAgain = IsUnseen(end) && !_client.IsGone;
            }

            if (!mayTryAgain)
            {
                await _client.EndAsync(end, upload, stop).ConfigureAwait(false);
            }

            return (end, mayTryAgain);
        }
        finally
        {
            // An upload that waits for a stalled tunnel ends only when the pair's tunnel is dropped, so the pair is given up first.
            await pair.DisposeAsync().ConfigureAwait(false);
            if (!mayTryAgain)
            {
                _client.Close(withReset: false);
            }

            await upload.ConfigureAwait(false);
        }
    }

    /// <summary>Whether it is worth while to find out if the connection can begin anew on another pod.</summary>
    private bool MayBeUnseen(ConnectionEnd end) =>
        BytesReceived == 0 && _replay.All is not null && end.Kind is ConnectionEndKind.PodFailed or ConnectionEndKind.TunnelLost or ConnectionEndKind.Unanswered;

    /// <summary>
    /// Whether no application can have seen anything of the connection, so that it can begin anew: the pod says that it could not connect to
    /// one, or no byte was handed to a tunnel. All that the client has sent must still be held.
    /// </summary>
    private bool IsUnseen(ConnectionEnd end) =>
        _replay.All is { } all
        && (end.Kind == ConnectionEndKind.PodFailed
            ? PodError.Classify(end.PodMessage!) is PodErrorKind.ApplicationRefused or PodErrorKind.SandboxGone
            : all.IsEmpty);

    /// <summary>Copies from the client to the pod until one of them ends; then what the client still sends is thrown away until it ends.</summary>
    /// <param name="pair">The way to the pod.</param>
    /// <param name="moreBytes">What the client has sent before, beyond the initial data.</param>
    /// <param name="attempt">Ends the copy between two reads, so that no byte is lost.</param>
    /// <param name="stop">Ends it wherever it is.</param>
    private async Task UploadAsync(IStreamPair pair, ReadOnlyMemory<byte> moreBytes, CancellationToken attempt, CancellationToken stop)
    {
        try
        {
            bool podReads = moreBytes.IsEmpty || await SendAsync(moreBytes).ConfigureAwait(false);
            int sinceWait = 0;
            while (!_client.HasFinished)
            {
                // Waiting with an empty buffer costs an idle connection no memory.
                ValueTask<int> waiting = _socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, attempt);
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
                    int length = await _socket.ReceiveAsync(buffer.AsMemory(), SocketFlags.None, attempt).ConfigureAwait(false);
                    if (length == 0)
                    {
                        _client.HasFinished = true;
                        break;
                    }

                    sinceWait += length;
                    _replay.Append(buffer.AsSpan(0, length));
                    podReads = podReads && !_podEnded.Task.IsCompleted && await SendAsync(buffer.AsMemory(0, length)).ConfigureAwait(false);
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                }
            }

            await HoldFinishAsync(pair, attempt).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // The client reset the connection, which the pod is told at once. (After the pod's own end this does nothing.)
            _client.MarkGone();
            pair.Reset();
        }
        catch (Exception e) when (e is ObjectDisposedException or OperationCanceledException)
        {
            // The pump has closed the socket itself, goes on to another pod, or was stopped.
        }

        async ValueTask<bool> SendAsync(ReadOnlyMemory<byte> bytes)
        {
            bool sent = await pair.WriteAsync(bytes, stop).ConfigureAwait(false);
            if (sent)
            {
                Interlocked.Add(ref _bytesSent, bytes.Length);
            }

            return sent;
        }
    }

    /// <summary>
    /// The client has finished sending. The pod is told only when it has been silent for a while, because the runtimes take it as
    /// the beginning of the end and cut the answer one second later. One that has closed waits for no answer: its tunnel is free at once.
    /// </summary>
    private async Task HoldFinishAsync(IStreamPair pair, CancellationToken stop)
    {
        long finished = _time.GetTimestamp();
        for (TimeSpan look = FirstLook; !_podEnded.Task.IsCompleted; look = look < LongestLook ? look + look : LongestLook) // No further: it would overflow.
        {
            // Many a client says first that it has finished, and closes right after it.
            if (_client.IsClosedByClient())
            {
                _client.MarkGone();
                pair.CloseByClient();
                return;
            }

            long since = Math.Max(finished, Interlocked.Read(ref _silentSince));
            TimeSpan remaining = _clientIsSlow ? _options.HalfCloseTimeout : _options.HalfCloseTimeout - _time.GetElapsedTime(since);
            if (remaining <= TimeSpan.Zero)
            {
                await pair.FinishAsync(stop).ConfigureAwait(false);
                return;
            }

            using var podEnded = CancellationTokenSource.CreateLinkedTokenSource(stop);
            TimeSpan wait = remaining < look ? remaining : look;
            Task silence = Task.Delay(wait > ShortestLook ? wait : ShortestLook, _time, podEnded.Token);
            await Task.WhenAny(silence, _podEnded.Task).ConfigureAwait(false);
            await podEnded.CancelAsync().ConfigureAwait(false);
            stop.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Copies from the pod to the client until the pod's data ends. False when the client does not take it any more.</summary>
    private async Task<bool> DownloadAsync(IStreamPair pair)
    {
        while (true)
        {
            ReadResult result = await pair.Input.ReadAsync(CancellationToken.None).ConfigureAwait(false);
            if (result.IsCanceled)
            {
                pair.Input.AdvanceTo(result.Buffer.Start);
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
                    await SendAllAsync(segment).ConfigureAwait(false);
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
                pair.Input.AdvanceTo(result.Buffer.End);
            }

            if (result.IsCompleted)
            {
                return true;
            }
        }
    }

    private async ValueTask SendAllAsync(ReadOnlyMemory<byte> data)
    {
        while (data.Length > 0)
        {
            int sent = await _socket.SendAsync(data, SocketFlags.None, CancellationToken.None).ConfigureAwait(false);
            Interlocked.Add(ref _bytesReceived, sent);
            data = data[sent..];
        }
    }

    /// <summary>The end of the error stream says how the connection ended; the end of the data does not, since it comes first.</summary>
    private async Task<ConnectionEnd> VerdictAsync(IStreamPair pair, CancellationToken stop)
    {
        if (!await WaitAsync(pair.Completion, _options.VerdictTimeout, stop).ConfigureAwait(false))
        {
            return new ConnectionEnd(ConnectionEndKind.NoVerdict);
        }

        PairEnd end = await pair.Completion.ConfigureAwait(false);
        return end.Kind switch
        {
            PairEndKind.Completed => new ConnectionEnd(ConnectionEndKind.Completed),
            PairEndKind.Failed => new ConnectionEnd(ConnectionEndKind.PodFailed) { PodMessage = end.Message },
            PairEndKind.TunnelLost => new ConnectionEnd(ConnectionEndKind.TunnelLost),
            PairEndKind.Unanswered => new ConnectionEnd(ConnectionEndKind.Unanswered),
            _ => new ConnectionEnd(ConnectionEndKind.PodReset),
        };
    }

    /// <summary>Whether a task, which never faults, completes within a limit.</summary>
    private async Task<bool> WaitAsync(Task task, TimeSpan limit, CancellationToken stop)
    {
        try
        {
            await task.WaitAsync(limit, _time, stop).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Ends both sides at once, which makes both copies end whatever they are waiting for.</summary>
    private void Abort(IStreamPair pair)
    {
        _client.Close(withReset: true);
        pair.Reset();
    }
}
