using System.Net;
using System.Net.Sockets;

namespace PortForward.Benchmarks.Load;

/// <summary>A connection to a forward that costs the measuring program as little as can be: its calls block.</summary>
internal sealed class BlockingConnection : IDisposable
{
    private readonly Socket _socket = Connections.Create();

    private BlockingConnection()
    {
    }

    /// <summary>Connects to a local port.</summary>
    /// <exception cref="ForwardFailedException">The connection was not accepted.</exception>
    public static BlockingConnection Open(int port)
    {
        var connection = new BlockingConnection();
        try
        {
            connection._socket.Connect(IPAddress.Loopback, port);
            return connection;
        }
        catch (SocketException e)
        {
            connection.Dispose();
            throw new ForwardFailedException($"A connection was not accepted: {e.Message}", e);
        }
    }

    /// <summary>Sends all of the bytes.</summary>
    /// <exception cref="ForwardFailedException">The connection broke.</exception>
    public void SendAll(ReadOnlySpan<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
                bytes = bytes[_socket.Send(bytes)..];
        }
        catch (SocketException e)
        {
            throw new ForwardFailedException($"A connection broke: {e.Message}", e);
        }
    }

    /// <summary>Receives something.</summary>
    /// <exception cref="ForwardFailedException">The connection ended.</exception>
    public int ReceiveSome(Span<byte> buffer)
    {
        try
        {
            var length = _socket.Receive(buffer);
            return length > 0 ? length : throw new ForwardFailedException("A connection ended before its answer did.");
        }
        catch (SocketException e)
        {
            throw new ForwardFailedException($"A connection broke: {e.Message}", e);
        }
    }

    public void Dispose() => _socket.Dispose();
}
