namespace PortForward.Tunnels;

/// <summary>A tunnel for one pair, whose connection is made when the pair is opened and ends with it.</summary>
/// <param name="connect">Connects to a port of the pod.</param>
/// <param name="mayWork">Whether nothing has shown yet that no connection can be had.</param>
internal sealed class ChannelTunnel(Func<int, CancellationToken, Task<Attempt<ChannelPair>>> connect, Func<bool> mayWork) : ITunnel
{
    /// <summary>As many bytes as one message carries.</summary>
    private const int MostInitialData = ChannelPair.MaxMessage;

    private readonly TaskCompletionSource<TunnelEnd> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ChannelPair? _pair;
    private int _isUsed;

    public Action? OnSilence { get; set; }

    public bool CanOpen => Volatile.Read(ref _isUsed) == 0 && mayWork();

    public bool IsConnected => _pair is { Completion.IsCompleted: false };

    /// <summary>Always: a pair exists only once the server has said which port it leads to.</summary>
    public bool HasReceived => true;

    public Task<TunnelEnd> Completion => _completion.Task;

    public bool IsUnresponsive => _pair is { IsUnresponsive: true };

    public bool IsSilent => _pair is { IsSilent: true };

    public bool IsWaitingForPod => _pair is null or { IsReading: true };

    public int MaxInitialData => MostInitialData;

    public async ValueTask<Attempt<ITunnelPair>> OpenPairAsync(int port, ReadOnlyMemory<byte> initialData, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _isUsed, 1) != 0)
        {
            return new Attempt<ITunnelPair>(new TunnelFault(TunnelFaultKind.Lost, "the tunnel carries another connection already"));
        }

        Attempt<ChannelPair> dial = await connect(port, cancellationToken).ConfigureAwait(false);
        if (dial.Value is not { } pair)
        {
            return new Attempt<ITunnelPair>(dial.Fault!);
        }

        _pair = pair;
        pair.OnSilence = () => OnSilence?.Invoke();
        _ = CompleteAsync(pair);
        if (!initialData.IsEmpty)
        {
            // If it fails, the end of the pair says so.
            await pair.WriteAsync(initialData, CancellationToken.None).ConfigureAwait(false);
        }

        return new Attempt<ITunnelPair>(pair);
    }

    /// <summary>False: it carries one connection and serves no other.</summary>
    public Task<bool> IsFlowingAsync(CancellationToken cancellationToken) => Task.FromResult(false);

    /// <summary>True: the server has answered when the tunnel was dialled.</summary>
    public Task<bool> PingAsync(CancellationToken cancellationToken) => Task.FromResult(true);

    public async ValueTask DisposeAsync()
    {
        Volatile.Write(ref _isUsed, 1);
        _completion.TrySetResult(TunnelEnd.Finished);
        if (_pair is { } pair)
        {
            await pair.CloseAsync().ConfigureAwait(false);
        }
    }

    private async Task CompleteAsync(ChannelPair pair)
    {
        PairEnd end = await pair.Completion.ConfigureAwait(false);
        _completion.TrySetResult(end.Kind == PairEndKind.TunnelLost && !pair.EndedByThisSide ? TunnelEnd.Lost : TunnelEnd.Finished);
    }
}
