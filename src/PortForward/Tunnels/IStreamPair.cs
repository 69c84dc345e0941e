using System.IO.Pipelines;

namespace PortForward.Tunnels;

/// <summary>
/// The data and the error stream of one forwarded connection. Disposing it gives it up: what is still open is reset, unless <see cref="Leave"/> was called.
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

    /// <summary>
    /// Gives the pair up as disposing it does, and finds out whether the pod has taken all that was sent, so that nothing of it can stall
    /// later pairs of the same tunnel: bytes that an application never reads may lie in the runtime for good.
    /// </summary>
    /// <returns>True when it has; false when the tunnel ended first. Where it has not, the task does not end.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before.</exception>
    Task<bool> GiveUpAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Ends the pairs of the same tunnel that would wait for ever behind this one, which the pod has ended without taking all of it, as
    /// <see cref="PairEndKind.TunnelLost"/>.
    /// </summary>
    /// <returns>True when there is nothing to do any more; false when it is not sure yet that they wait for this one: then it is to be asked again after a while.</returns>
    bool TryFreeNeighbours();

    /// <summary>Sends bytes to the application and waits until the transport has taken them.</summary>
    /// <returns>False when nobody will receive the bytes: <see cref="Ended"/> says why.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled; part of the bytes may have been sent.</exception>
    ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken);

    /// <summary>Says that the client sends no more. The runtimes then cut the application's answer after one second.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled; nothing was said.</exception>
    ValueTask FinishAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Says that the client has gone in good order. Disposing the pair then passes its end on as <see cref="FinishAsync"/> does, so that the
    /// application still gets every byte; what it answers is thrown away. <see cref="Input"/>'s pending read is cancelled.
    /// </summary>
    void Leave();

    /// <summary>Ends the connection at once in both directions, without waiting. The pod then closes its side.</summary>
    void Reset();
}
