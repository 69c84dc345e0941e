using System.IO.Pipelines;

namespace PortForward.Tunnels;

/// <summary>
/// The data and the error stream of one forwarded connection. Disposing it resets what is still open, unless the client has closed its side
/// (<see cref="CloseByClient"/>).
/// </summary>
internal interface IStreamPair : IAsyncDisposable
{
    /// <summary>
    /// The bytes from the application. It completes when the pod's data has ended, in whatever way; only <see cref="Completion"/> says whether the answer was
    /// whole, since runtimes end the data before they send the error.
    /// </summary>
    PipeReader Input { get; }

    /// <summary>Completes with the connection's completion status: the end of the error stream. Never faults.</summary>
    Task<PairEnd> Completion { get; }

    /// <summary>Sends bytes to the application and waits until the transport has accepted them.</summary>
    /// <returns>False when nobody will receive the bytes: <see cref="Completion"/> says why.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled; part of the bytes may have been sent.</exception>
    ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken);

    /// <summary>Says that the client sends no more. The runtimes then cut the application's answer after one second.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled; nothing was said.</exception>
    ValueTask FinishAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Says that the client has closed its connection gracefully. Disposing the pair then finishes it as <see cref="FinishAsync"/> does, so that the application
    /// still gets every byte; what it answers is discarded. Cancels a pending read of <see cref="Input"/>.
    /// </summary>
    void CloseByClient();

    /// <summary>Ends the connection at once in both directions, without waiting. The pod then closes its side.</summary>
    void Reset();
}
