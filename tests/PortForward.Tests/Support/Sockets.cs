using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PortForward.Tests.Support;

/// <summary>Clients on the loopback, and how a connection ended for them.</summary>
internal static class Sockets
{
    public static bool HasIPv6 { get; } = TryBindIPv6();

    /// <summary>Two connected sockets.</summary>
    /// <param name="receiveBuffer">The client's receive buffer in bytes; the system's choice if 0.</param>
    public static async Task<(Socket Client, Socket Accepted)> ConnectedPairAsync(int receiveBuffer = 0)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        if (receiveBuffer > 0)
        {
            client.ReceiveBufferSize = receiveBuffer;
        }

        await client.ConnectAsync(listener.LocalEndPoint!).Soon();
        return (client, await listener.AcceptAsync().Soon());
    }

    public static async Task<Socket> ConnectAsync(EndPoint endPoint)
    {
        var client = new Socket(endPoint.AddressFamily, SocketType.Stream, endPoint is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        await client.ConnectAsync(endPoint).Soon();
        return client;
    }

    public static async Task SendAsync(this Socket socket, string text) => await socket.SendAsync(Encoding.UTF8.GetBytes(text)).Soon();

    public static async Task<string> ReceiveTextAsync(this Socket socket, int count)
    {
        byte[] buffer = new byte[count];
        int length = 0;
        while (length < count)
        {
            int read = await socket.ReceiveAsync(buffer.AsMemory(length)).Soon();
            if (read == 0)
            {
                break;
            }

            length += read;
        }

        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    /// <summary>Receives to the end: what came, and whether the end was a reset.</summary>
    public static async Task<(string Text, bool WasReset)> ReceiveToEndAsync(this Socket socket)
    {
        (byte[] bytes, bool wasReset) = await socket.ReceiveBytesToEndAsync();
        return (Encoding.UTF8.GetString(bytes), wasReset);
    }

    public static async Task<(byte[] Bytes, bool WasReset)> ReceiveBytesToEndAsync(this Socket socket, Action? afterEach = null)
    {
        using var all = new MemoryStream();
        byte[] buffer = new byte[16 * 1024];
        while (true)
        {
            int length;
            try
            {
                length = await socket.ReceiveAsync(buffer.AsMemory()).Soon();
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                return (all.ToArray(), true);
            }

            if (length == 0)
            {
                return (all.ToArray(), false);
            }

            all.Write(buffer, 0, length);
            afterEach?.Invoke();
        }
    }

    /// <summary>Closes with RST.</summary>
    public static void Reset(this Socket socket)
    {
        socket.LingerState = new LingerOption(enable: true, seconds: 0);
        socket.Dispose();
    }

    private static bool TryBindIPv6()
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

/// <summary>A test that needs ::1, and says so where it is skipped.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class IPv6FactAttribute : FactAttribute
{
    public IPv6FactAttribute()
    {
        if (!Sockets.HasIPv6)
        {
            Skip = "This machine has no IPv6 loopback.";
        }
    }
}

/// <summary>A test of what only Linux does, skipped out loud elsewhere.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute()
    {
        if (!OperatingSystem.IsLinux())
        {
            Skip = "Only Linux behaves like this.";
        }
    }
}
