using System.Net.Sockets;

namespace PortForward.Forwarding;

/// <summary>The client's side of one connection: whether the client is still there, and how its side is ended, by FIN or by RST.</summary>
internal sealed class ClientEnd(Socket socket, PortForwarderOptions options)
{
    /// <summary>
    /// How long after its FIN the client of a waiting connection counts as gone, on systems that do not tell whether it still reads. Nearly all such clients
    /// have closed by then, and each holds a descriptor.
    /// </summary>
    private static readonly TimeSpan GoneAfter = TimeSpan.FromSeconds(10);

    private volatile bool _isGone;
    private long? _seenFinished;
    private int _isClosed;

    /// <summary>The accepted connection.</summary>
    public Socket Socket => socket;

    /// <summary>Whether the client has closed or reset its connection and no longer wants an answer.</summary>
    public bool IsGone => _isGone;

    /// <summary>Whether everything that the client had to send was read.</summary>
    public bool HasFinished { get; set; }

    /// <summary>Notes that the client has closed or reset its connection.</summary>
    public void MarkGone() => _isGone = true;

    /// <summary>Whether the client is known to have closed its connection, and not only to have finished sending.</summary>
    public bool IsClosedByClient() => options.IsClosedByClient(socket) == true;

    /// <summary>Whether the client has closed or reset its connection while the connection waits for a pod and nobody reads from it.</summary>
    public bool IsGoneWhileWaiting()
    {
        if (ClientSocket.IsReset(socket))
        {
            return true;
        }

        if (options.IsClosedByClient(socket) is { } isClosed)
        {
            return isClosed;
        }

        if (!ClientSocket.HasFinished(socket))
        {
            return false;
        }

        _seenFinished ??= options.Time.GetTimestamp();
        return options.Time.GetElapsedTime(_seenFinished.Value) >= GoneAfter;
    }

    /// <summary>Ends the client's side as the pod's side has ended: FIN for a whole answer, RST for anything else.</summary>
    /// <param name="end">How the pod's side has ended.</param>
    /// <param name="upload">Completes when the client has closed its side; null if nobody reads from it.</param>
    /// <param name="stop">Ends the wait for what is on its way.</param>
    public async Task EndAsync(ConnectionEnd end, Task? upload, CancellationToken stop)
    {
        if (end.Kind == ConnectionEndKind.Completed && ClientSocket.TryFinish(socket))
        {
            try
            {
                // Closing while the client still sends would make this system answer with RST: wait until it has closed too.
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
            await ClientSocket.WaitUntilSentAsync(socket, options.LingerTimeout, options.Time, stop).ConfigureAwait(false);
        }

        Close(withReset: true);
    }

    /// <summary>
    /// Closes the client's side, unless it is closed already. It remembers whether it is, since asking the socket costs an exception for each connection.
    /// </summary>
    /// <param name="withReset">Whether the client is to see an RST, so that it cannot mistake what it has received for the whole answer.</param>
    public void Close(bool withReset)
    {
        if (Interlocked.Exchange(ref _isClosed, 1) != 0)
        {
            return;
        }

        if (withReset)
        {
            ClientSocket.CloseWithReset(socket);
        }
        else
        {
            socket.Dispose();
        }
    }
}
