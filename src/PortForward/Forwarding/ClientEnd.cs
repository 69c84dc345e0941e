using System.Net.Sockets;

namespace PortForward.Forwarding;

/// <summary>
/// The client's side of one connection: what the client sends and is sent, whether it is still there, and how its side is ended, gracefully or by a reset. The
/// client is a socket or a stream in this process.
/// </summary>
/// <param name="options">The timeouts and the clock.</param>
internal abstract class ClientEnd(PortForwarderOptions options)
{
    private volatile bool _isGone;

    /// <summary>Whether the client has closed or reset its connection and no longer wants an answer.</summary>
    public bool IsGone => _isGone;

    /// <summary>Whether everything that the client had to send was read.</summary>
    public bool HasFinished { get; set; }

    /// <summary>How many bytes can be received at once.</summary>
    /// <exception cref="SocketException">The client has reset the connection.</exception>
    public abstract int Available { get; }

    /// <summary>The timeouts and the clock.</summary>
    protected PortForwarderOptions Options => options;

    /// <summary>Notes that the client has closed or reset its connection.</summary>
    public void MarkGone() => _isGone = true;

    /// <summary>Prepares the connection; called once, before anything else.</summary>
    /// <exception cref="SocketException">The client has reset the connection.</exception>
    public virtual void Open()
    {
    }

    /// <summary>Receives what the client sends. With an empty buffer it waits until there is something to receive.</summary>
    /// <returns>How many bytes; 0 once the client has finished sending.</returns>
    /// <exception cref="SocketException">The client has reset the connection.</exception>
    /// <exception cref="ObjectDisposedException">The connection was closed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; no byte is lost.</exception>
    public abstract ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken);

    /// <summary>Sends to the client, and waits until its side takes some of it.</summary>
    /// <returns>How many bytes.</returns>
    /// <exception cref="SocketException">The client has closed or reset the connection.</exception>
    /// <exception cref="ObjectDisposedException">The connection was closed.</exception>
    public abstract ValueTask<int> SendAsync(ReadOnlyMemory<byte> data);

    /// <summary>Whether the client is known to have closed its connection, and not only to have finished sending.</summary>
    public abstract bool IsClosedByClient();

    /// <summary>Whether the client has closed or reset its connection while the connection waits for a pod and nobody reads from it.</summary>
    public abstract bool IsGoneWhileWaiting();

    /// <summary>Ends the client's side as the pod's side has ended: gracefully for a whole answer, by a reset for anything else.</summary>
    /// <param name="end">How the pod's side has ended.</param>
    /// <param name="upload">Completes when the client has closed its side; null if nobody reads from it.</param>
    /// <param name="stop">Ends the wait for what is on its way.</param>
    public virtual async Task EndAsync(ConnectionEnd end, Task? upload, CancellationToken stop)
    {
        if (end.Kind == ConnectionEndKind.Completed && TryFinish())
        {
            try
            {
                // Closing while the client still sends would be answered with a reset: wait until it has closed too.
                await upload!.WaitAsync(options.LingerTimeout, options.Time, stop).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                // The client has not closed in time.
            }

            return;
        }

        if (end.Kind != ConnectionEndKind.ClientGone)
        {
            await WaitUntilSentAsync(stop).ConfigureAwait(false);
        }

        Close(withReset: true);
    }

    /// <summary>Closes the client's side, unless it is closed already.</summary>
    /// <param name="withReset">Whether the client is to see a reset, so that it cannot mistake what it has received for the whole answer.</param>
    public abstract void Close(bool withReset);

    /// <summary>Tells the client that nothing more comes, and that what came was whole. False when the connection has gone already.</summary>
    protected abstract bool TryFinish();

    /// <summary>Waits, bounded, until the client's side has taken everything that was sent.</summary>
    protected abstract Task WaitUntilSentAsync(CancellationToken stop);
}
