using System.IO.Pipelines;

namespace PortForward.Tunnels;

/// <summary>A pair whose tunnel goes back to its pool when the pair is disposed.</summary>
internal sealed class PooledPair(IStreamPair pair, Action<IStreamPair> release) : IStreamPair
{
    private int _disposed;

    public PipeReader Input => pair.Input;

    public Task<PairEnd> Ended => pair.Ended;

    public Task<bool> ConfirmTakenAsync(CancellationToken cancellationToken) => pair.ConfirmTakenAsync(cancellationToken);

    public ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken) => pair.WriteAsync(data, cancellationToken);

    public ValueTask FinishAsync(CancellationToken cancellationToken) => pair.FinishAsync(cancellationToken);

    public void Leave() => pair.Leave();

    public void Reset() => pair.Reset();

    /// <summary>Never waits: giving the pair up may take as long as the pod takes, and is the pool's business.</summary>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            release(pair);
        }

        return ValueTask.CompletedTask;
    }
}
