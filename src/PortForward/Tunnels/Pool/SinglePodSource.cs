namespace PortForward.Tunnels.Pool;

/// <summary>Stream pairs to one pod that is never exchanged for another, as a forwarder needs them that was given a dialer only. It owns the pool.</summary>
/// <param name="pool">The tunnels to the pod.</param>
internal sealed class SinglePodSource(TunnelPool pool) : ITunnelSource
{
    private readonly TaskCompletionSource<TunnelFault> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int MaxInitialData => pool.MaxInitialData;

    /// <summary>Never completes: each connection may dial anew.</summary>
    public Task<TunnelFault> Completion => _completion.Task;

    public Task<TunnelFault?> ConnectAsync(CancellationToken cancellationToken) => pool.ConnectAsync(cancellationToken);

    public async ValueTask<Attempt<RoutedPair>> OpenPairAsync(PairRequest request, CancellationToken cancellationToken)
    {
        if (request.AvoidedPods is { Count: > 0 })
        {
            return new Attempt<RoutedPair>(new TunnelFault(TunnelFaultKind.NoOtherPod, "there is no other pod to try"));
        }

        Attempt<IStreamPair> opened = await pool.OpenPairAsync(request.Port, request.InitialData, cancellationToken).ConfigureAwait(false);
        return opened.Succeeded(out IStreamPair? pair, out TunnelFault? fault)
            ? new Attempt<RoutedPair>(new RoutedPair(pair, Pod: ""))
            : new Attempt<RoutedPair>(fault);
    }

    public ValueTask DisposeAsync() => pool.DisposeAsync();
}
