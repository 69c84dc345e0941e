using System.IO.Pipelines;

namespace PortForward.Tunnels;

/// <summary>A pair whose tunnel goes back to its pool when the pair is disposed.</summary>
/// <param name="pair">The pair.</param>
/// <param name="release">Called once, with the pair and whether its client has gone in good order.</param>
internal sealed class PooledPair(IStreamPair pair, Action<IStreamPair, bool> release) : IStreamPair
{
    private int _disposed;
    private volatile bool _wasLeft;

    public PipeReader Input => pair.Input;

    public Task<PairEnd> Ended => pair.Ended;

    /// <summary>Not to be called: disposing the pair gives it up, and what the pod has taken is the pool's business.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public Task<bool> GiveUpAsync(CancellationToken cancellationToken) => throw new NotSupportedException("A pair of a pool is given up by disposing it.");

    public bool TryFreeNeighbours() => pair.TryFreeNeighbours();

    public ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken) => pair.WriteAsync(data, cancellationToken);

    public ValueTask FinishAsync(CancellationToken cancellationToken) => pair.FinishAsync(cancellationToken);

    public void Leave()
    {
        _wasLeft = true;
        pair.Leave();
    }

    public void Reset() => pair.Reset();

    /// <summary>Never waits: giving the pair up may take as long as the pod takes, and is the pool's business.</summary>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            release(pair, _wasLeft);
        }

        return ValueTask.CompletedTask;
    }
}
