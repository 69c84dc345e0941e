using System.Buffers;
using System.Net.Sockets;
using PortForward.Tunnels;

namespace PortForward.Forwarding;

/// <summary>
/// Carries one connection of a client: waits for a pod, tries the next one while no application can have seen anything of the connection, and ends the
/// client's side as the pod's side has ended.
/// </summary>
internal sealed class ConnectionPump
{
    /// <summary>How many tunnels a connection that has sent and received nothing yet may lose before it fails.</summary>
    private const int MaxTries = 8;

    /// <summary>After how many unanswered attempts a connection fails. At 10 s each, this takes as long as kubectl waits.</summary>
    private const int MaxUnanswered = 3;

    /// <summary>How often to check whether the client of a waiting connection has closed it.</summary>
    private static readonly TimeSpan WaitingClientCheck = TimeSpan.FromMilliseconds(100);

    private readonly ClientEnd _client;
    private readonly ITunnelSource _tunnels;
    private readonly int _targetPort;
    private readonly int _portIndex;
    private readonly PortForwarderOptions _options;
    private readonly ReplayBuffer _replay = new();
    private volatile PairCopy? _attempt;

    /// <summary>Creates a pump for one accepted connection.</summary>
    /// <param name="client">The accepted connection, owned by the pump from now on.</param>
    /// <param name="tunnels">Where stream pairs come from.</param>
    /// <param name="port">The port that it came in on.</param>
    /// <param name="options">The timeouts and the clock.</param>
    public ConnectionPump(Socket client, ITunnelSource tunnels, ForwardedPort port, PortForwarderOptions options)
        : this(new SocketClientEnd(client, options), tunnels, port.TargetPort, port.Index, options)
    {
    }

    /// <summary>Creates a pump for a client of any kind.</summary>
    /// <param name="client">The client's side, owned by the pump from now on.</param>
    /// <param name="tunnels">Where stream pairs come from.</param>
    /// <param name="targetPort">The pod's port, as it was in the first pod.</param>
    /// <param name="portIndex">Which of the source's ports that is.</param>
    /// <param name="options">The timeouts and the clock.</param>
    public ConnectionPump(ClientEnd client, ITunnelSource tunnels, int targetPort, int portIndex, PortForwarderOptions options)
    {
        _client = client;
        _tunnels = tunnels;
        _targetPort = targetPort;
        _portIndex = portIndex;
        _options = options;
    }

    /// <summary>Called when the connection has got its first stream pair, and so a tunnel to a pod.</summary>
    public Action? OnOpened { get; init; }

    /// <summary>The pod that it leads to, or has led to last; null while that is not known.</summary>
    public string? Pod { get; private set; }

    /// <summary>Bytes from the client that the tunnel has accepted.</summary>
    public long BytesSent => _attempt?.BytesSent ?? 0;

    /// <summary>Bytes from the pod that the client's side has accepted.</summary>
    public long BytesReceived => _attempt?.BytesReceived ?? 0;

    /// <summary>Runs the connection to its end. Never throws for anything that a client, a pod or a network can do.</summary>
    public async Task<ConnectionEnd> RunAsync(CancellationToken stop)
    {
        try
        {
            _client.Open();
            await ReadInitialDataAsync(stop).ConfigureAwait(false);
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
            // After a graceful end the client's side is closed already, and this does nothing.
            _client.Close(withReset: true);
        }
    }

    /// <summary>Reads what the client has sent so far, to send it along with the opening. It does not wait, since many servers speak first.</summary>
    private async ValueTask ReadInitialDataAsync(CancellationToken stop)
    {
        int available = Math.Min(_client.Available, _tunnels.MaxInitialData);
        if (available == 0)
        {
            return;
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(available);
        try
        {
            int length = await _client.ReceiveAsync(buffer.AsMemory(0, available), stop).ConfigureAwait(false);
            _replay.Append(buffer.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Carries the connection to a pod, and begins again on another one if the first cannot have seen any of it.</summary>
    private async Task<ConnectionEnd> TryPodsAsync(CancellationToken stop)
    {
        List<string> failed = [];
        List<string> unanswered = [];
        ConnectionEnd? before = null;
        for (int tries = 1; ; tries++)
        {
            ReadOnlyMemory<byte> all = _replay.All!.Value;
            ReadOnlyMemory<byte> initial = all[..Math.Min(all.Length, _tunnels.MaxInitialData)];
            var request = new PairRequest(_targetPort, initial)
            {
                PortIndex = _portIndex,
                AvoidedPods = failed,
                PodIsGone = before is { PodMessage: { } message } && PodError.Classify(message) == PodErrorKind.SandboxGone,
            };
            Attempt<RoutedPair> opened = await OpenPairAsync(request, stop).ConfigureAwait(false);
            if (!opened.Succeeded(out RoutedPair routed, out TunnelFault? fault))
            {
                stop.ThrowIfCancellationRequested();
                ConnectionEnd last = before ?? new ConnectionEnd(ConnectionEndKind.NoTunnel) { Fault = fault };
                await _client.EndAsync(last, upload: null, stop).ConfigureAwait(false);
                return last;
            }

            var attempt = new PairCopy(_client, routed.Pair, _replay, initial.Length, _options, stop);
            _attempt = attempt;
            Pod = routed.PodName;
            if (tries == 1)
            {
                OnOpened?.Invoke();
            }

            (ConnectionEnd end, bool mayTryAgain) = await CarryAsync(attempt, all[initial.Length..], stop).ConfigureAwait(false);
            if (!mayTryAgain || tries == MaxTries || (end.Kind == ConnectionEndKind.Unanswered && unanswered.Count == MaxUnanswered - 1))
            {
                return end;
            }

            before = end;

            // A pod whose tunnel was lost may be tried again. A pod that refused is avoided, and so are those that did not answer once a second attempt was not
            // answered either.
            if (end.Kind == ConnectionEndKind.PodFailed)
            {
                failed.Add(routed.Pod);
            }
            else if (end.Kind == ConnectionEndKind.Unanswered)
            {
                unanswered.Add(routed.Pod);
                failed.AddRange(unanswered.Count > 1 ? unanswered : []);
            }
        }
    }

    /// <summary>
    /// Opens a pair, unless the client closes the connection while it waits. Otherwise an application would get requests whose clients are long gone, several
    /// of them from a client that retries.
    /// </summary>
    /// <exception cref="OperationCanceledException">The client has closed the connection, or it was stopped.</exception>
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
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stop);
            await Task.WhenAny(opening, Task.Delay(WaitingClientCheck, _options.Time, waiting.Token)).ConfigureAwait(false);
            await waiting.CancelAsync().ConfigureAwait(false);
            if (!opening.IsCompleted && _client.IsGoneWhileWaiting())
            {
                _client.MarkGone();
                await wanted.CancelAsync().ConfigureAwait(false);
                break;
            }
        }

        return await opening.ConfigureAwait(false);
    }

    /// <summary>Makes one attempt, and ends the client's side after it unless the connection may be tried again.</summary>
    private async Task<(ConnectionEnd End, bool MayTryAgain)> CarryAsync(PairCopy attempt, ReadOnlyMemory<byte> moreBytes, CancellationToken stop)
    {
        bool mayTryAgain = false;
        try
        {
            ConnectionEnd end = await attempt.RunAsync(moreBytes).ConfigureAwait(false);
            stop.ThrowIfCancellationRequested();

            // Only the client's side is left to end: the tunnel can serve the next connection.
            await attempt.ReleasePairAsync().ConfigureAwait(false);
            if (MayBeUnseen(end))
            {
                await attempt.StopUploadAsync().ConfigureAwait(false);
                mayTryAgain = IsUnseen(end) && !_client.IsGone;
            }

            if (!mayTryAgain)
            {
                await _client.EndAsync(end, attempt.Upload, stop).ConfigureAwait(false);
            }

            return (end, mayTryAgain);
        }
        finally
        {
            // An upload that waits for a stalled tunnel ends only when the tunnel is dropped, so the pair is released before the upload is awaited.
            await attempt.ReleasePairAsync().ConfigureAwait(false);
            if (!mayTryAgain)
            {
                _client.Close(withReset: false);
            }

            await attempt.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Whether the connection may be able to begin anew on another pod; <see cref="IsUnseen"/> decides.</summary>
    private bool MayBeUnseen(ConnectionEnd end) =>
        BytesReceived == 0
        && _replay.All is not null
        && end.Kind is ConnectionEndKind.PodFailed or ConnectionEndKind.TunnelLost or ConnectionEndKind.Unanswered;

    /// <summary>
    /// Whether no application can have seen anything of the connection, so that it can begin anew: the pod says that it could not connect to
    /// one, or no byte was handed to a tunnel. All that the client has sent must still be in the replay buffer.
    /// </summary>
    private bool IsUnseen(ConnectionEnd end) =>
        _replay.All is { } all
        && (end.Kind == ConnectionEndKind.PodFailed
            ? PodError.Classify(end.PodMessage!) is PodErrorKind.ApplicationRefused or PodErrorKind.SandboxGone
            : all.IsEmpty);
}
