using System.IO.Pipelines;

namespace PortForward.Tunnels.Pool;

/// <summary>A pair whose tunnel goes back to its pool when the pair is disposed.</summary>
/// <param name="pair">The pair.</param>
/// <param name="release">Called once, with the pair and whether its client has closed its connection gracefully.</param>
internal sealed class PooledPair(ITunnelPair pair, Action<ITunnelPair, bool> release) : IStreamPair
{
    private int _disposed;
    private volatile bool _isClosedByClient;

    public PipeReader Input => pair.Input;

    public Task<PairEnd> Completion => pair.Completion;

    public ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken) => pair.WriteAsync(data, cancellationToken);

    public ValueTask FinishAsync(CancellationToken cancellationToken) => pair.FinishAsync(cancellationToken);

    public void CloseByClient()
    {
        _isClosedByClient = true;
        pair.CloseByClient();
    }

    public void Reset() => pair.Reset();

    /// <summary>Never waits: draining the pair takes as long as the pod takes, and is the pool's business.</summary>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            release(pair, _isClosedByClient);
        }

        return ValueTask.CompletedTask;
    }
}
