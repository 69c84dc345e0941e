using PortForward.Tunnels;

namespace PortForward.Cluster.Authentication;

/// <summary>Whether clients wait for a connection, for whose sake more is done than for the watch's.</summary>
internal sealed class WaitingClients
{
    private int _count;

    /// <summary>Whether one waits.</summary>
    public bool Any => Volatile.Read(ref _count) > 0;

    /// <summary>Counts those who wait for a source to open a pair.</summary>
    public ITunnelSource Count(ITunnelSource source) => new CountedSource(source, this);

    private sealed class CountedSource(ITunnelSource inner, WaitingClients clients) : ITunnelSource
    {
        public int MaxInitialData => inner.MaxInitialData;

        public Task<TunnelFault> Completion => inner.Completion;

        public Task<TunnelFault?> ConnectAsync(CancellationToken cancellationToken) => inner.ConnectAsync(cancellationToken);

        public async ValueTask<Attempt<RoutedPair>> OpenPairAsync(PairRequest request, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref clients._count);
            try
            {
                return await inner.OpenPairAsync(request, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                Interlocked.Decrement(ref clients._count);
            }
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
