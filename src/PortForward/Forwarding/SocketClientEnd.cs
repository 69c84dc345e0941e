using System.Net.Sockets;

namespace PortForward.Forwarding;

/// <summary>
/// The client's side of a connection that a listener has accepted: FIN and RST. A client of a socket file sees the end instead of a reset, as the system has none
/// there.
/// </summary>
/// <param name="socket">The accepted connection, owned by this.</param>
/// <param name="options">The timeouts and the clock.</param>
internal sealed class SocketClientEnd(Socket socket, PortForwarderOptions options) : ClientEnd(options)
{
    /// <summary>
    /// How long after its FIN the client of a waiting connection counts as gone, on systems that do not tell whether it still reads. Nearly all such clients
    /// have closed by then, and each holds a descriptor.
    /// </summary>
    private static readonly TimeSpan GoneAfter = TimeSpan.FromSeconds(10);

    private long? _seenFinished;
    private int _isClosed;

    public override int Available => socket.Available;

    public override void Open()
    {
        if (!ClientSocket.IsUnix(socket))
        {
            socket.NoDelay = true;
            ClientSocket.EnableKeepAlive(socket);
        }
    }

    public override ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken);

    public override ValueTask<int> SendAsync(ReadOnlyMemory<byte> data) => socket.SendAsync(data, SocketFlags.None, CancellationToken.None);

    public override bool IsClosedByClient() => Options.IsClosedByClient(socket) == true;

    public override bool IsGoneWhileWaiting()
    {
        if (ClientSocket.IsReset(socket))
        {
            return true;
        }

        if (Options.IsClosedByClient(socket) is { } isClosed)
        {
            return isClosed;
        }

        if (!ClientSocket.HasFinished(socket))
        {
            return false;
        }

        _seenFinished ??= Options.Time.GetTimestamp();
        return Options.Time.GetElapsedTime(_seenFinished.Value) >= GoneAfter;
    }

    /// <summary>
    /// Closes the client's side, unless it is closed already. It remembers whether it is, since asking the socket costs an exception for each connection.
    /// </summary>
    /// <param name="withReset">Whether the client is to see an RST.</param>
    public override void Close(bool withReset)
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

    protected override bool TryFinish() => ClientSocket.TryFinish(socket);

    /// <summary>What was sent to a client of a socket file is the client's already, and no end of the connection takes it back.</summary>
    protected override Task WaitUntilSentAsync(CancellationToken stop) => ClientSocket.IsUnix(socket)
        ? Task.CompletedTask
        : ClientSocket.WaitUntilSentAsync(socket, Options.LingerTimeout, Options.Time, stop);
}
