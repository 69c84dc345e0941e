using System.IO.Pipelines;

namespace PortForward.Tunnels;

/// <summary>
/// The data and the error stream of one forwarded connection. Disposing it gives it up: what is still open is reset.
/// </summary>
public interface IStreamPair : IAsyncDisposable
{
    /// <summary>
    /// The bytes from the application. It completes when the pod's data has ended in whatever way; whether the answer was whole
    /// is said by <see cref="Ended"/> only, since runtimes end the data before they send the error.
    /// </summary>
    PipeReader Input { get; }

    /// <summary>Completes with the pod's verdict: the end of the error stream. Never faults.</summary>
    Task<PairEnd> Ended { get; }

    /// <summary>Completes when the pod has ended both streams, so that nothing of this pair is in flight any more. Never faults.</summary>
    Task Settled { get; }

    /// <summary>
    /// Finds out whether the pod has taken all that was sent, once the pair is settled and disposed. Bytes that an application
    /// never read may lie in the runtime for good and stall later pairs of the same tunnel.
    /// </summary>
    /// <returns>True when it has; false when the tunnel ended first. Where it has not, the task does not end.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before.</exception>
    Task<bool> ConfirmTakenAsync(CancellationToken cancellationToken);

    /// <summary>Sends bytes to the application and waits until the transport has taken them.</summary>
    /// <returns>False when nobody will receive the bytes: <see cref="Ended"/> says why.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled; part of the bytes may have been sent.</exception>
    ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken);

    /// <summary>Says that the client sends no more. The runtimes then cut the application's answer after one second.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled; nothing was said.</exception>
    ValueTask FinishAsync(CancellationToken cancellationToken);

    /// <summary>Ends the connection at once in both directions, without waiting. The pod then closes its side.</summary>
    void Reset();
}
