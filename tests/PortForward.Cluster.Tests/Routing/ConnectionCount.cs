using System.Net.Sockets;

namespace PortForward.Cluster.Tests.Routing;

/// <summary>Makes connections and counts those that are open, so that a test can see that none is left behind.</summary>
internal sealed class ConnectionCount
{
    private int _open;

    public int Open => Volatile.Read(ref _open);

    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new CountedStream(this, socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private sealed class CountedStream : NetworkStream
    {
        private readonly ConnectionCount _count;
        private int _disposed;

        public CountedStream(ConnectionCount count, Socket socket)
            : base(socket, ownsSocket: true)
        {
            _count = count;
            Interlocked.Increment(ref count._open);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0)
            {
                Interlocked.Decrement(ref _count._open);
            }

            base.Dispose(disposing);
        }
    }
}
