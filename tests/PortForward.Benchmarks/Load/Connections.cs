using System.Net;
using System.Net.Sockets;

namespace PortForward.Benchmarks.Load;

/// <summary>Connections to a forward, whose failures are what is wrong with the forward.</summary>
internal static class Connections
{
    /// <summary>No single exchange takes longer than this.</summary>
    private const int PatienceMilliseconds = 60_000;

    /// <summary>A socket that is not connected yet.</summary>
    public static Socket Create() =>
        new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,
            ReceiveTimeout = PatienceMilliseconds,
            SendTimeout = PatienceMilliseconds,
        };

    /// <summary>Connects to a local port.</summary>
    public static async Task<Socket> OpenAsync(int port)
    {
        var socket = Create();
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, port);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new ForwardFailedException($"A connection was not accepted: {e.Message}", e);
        }
    }

    /// <summary>Sends all of the bytes.</summary>
    public static async Task SendAllAsync(this Socket socket, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
                bytes = bytes[await socket.SendAsync(bytes)..];
        }
        catch (SocketException e)
        {
            throw new ForwardFailedException($"A connection broke: {e.Message}", e);
        }
    }

    /// <summary>Receives something.</summary>
    /// <exception cref="ForwardFailedException">The connection ended.</exception>
    public static async Task<int> ReceiveSomeAsync(this Socket socket, Memory<byte> buffer)
    {
        try
        {
            var length = await socket.ReceiveAsync(buffer).AsTask().WaitAsync(TimeSpan.FromMilliseconds(PatienceMilliseconds));
            return length > 0 ? length : throw new ForwardFailedException("A connection ended before its answer did.");
        }
        catch (Exception e) when (e is SocketException or TimeoutException)
        {
            throw new ForwardFailedException($"A connection broke: {e.Message}", e);
        }
    }
}
