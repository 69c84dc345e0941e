using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace PortForward.Forwarding;

/// <summary>The endings of a connection that the socket classes do not offer by themselves: TCP, and sockets of this machine.</summary>
internal static partial class ClientSocket
{
    /// <summary>How often to check the send queue.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(5);

    /// <summary>How long to wait on systems that do not tell the length of their send queue.</summary>
    private static readonly TimeSpan BlindDelay = TimeSpan.FromMilliseconds(100);

    /// <summary>TCP keep-alive: the idle time before the first probe, and the time between two probes, in seconds (Go's values).</summary>
    private const int KeepAliveSeconds = 15;

    /// <summary>Whether a socket is one of this machine (AF_UNIX), which has no packets, and so neither delays, keep-alives nor resets.</summary>
    public static bool IsUnix(Socket socket) => socket.AddressFamily == AddressFamily.Unix;

    /// <summary>Enables TCP keep-alive, so that a remote client that vanishes does not hold a tunnel.</summary>
    public static void EnableKeepAlive(Socket socket)
    {
        if (socket.RemoteEndPoint is IPEndPoint { Address: var client } && !IPAddress.IsLoopback(client))
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, optionValue: true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveSeconds);
        }
    }

    /// <summary>Whether the client has reset the connection.</summary>
    public static bool IsReset(Socket socket)
    {
        try
        {
            return socket.Poll(TimeSpan.Zero, SelectMode.SelectError);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }

    /// <summary>Whether the client has finished sending, even when nobody has read yet what came before.</summary>
    public static bool HasFinished(Socket socket)
    {
        const int Tcp = 6, InfoLinux = 11, InfoMac = 0x106; // IPPROTO_TCP, TCP_INFO, TCP_CONNECTION_INFO: the state comes first in both
        const byte CloseWaitLinux = 8, CloseWaitMac = 5;
        try
        {
            if (IsUnix(socket) || (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS()))
            {
                return socket.Available == 0 && socket.Poll(TimeSpan.Zero, SelectMode.SelectRead);
            }

            bool isLinux = OperatingSystem.IsLinux();
            Span<byte> info = stackalloc byte[128];
            socket.GetRawSocketOption(Tcp, isLinux ? InfoLinux : InfoMac, info);
            return info[0] == (isLinux ? CloseWaitLinux : CloseWaitMac);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }

    /// <summary>Closes with RST, so that the client cannot mistake what it has received for the whole answer.</summary>
    public static void CloseWithReset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed already, by whichever side.
        }

        socket.Dispose();
    }

    /// <summary>Says that nothing more will be sent. False when the connection has gone already.</summary>
    public static bool TryFinish(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Send);
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>
    /// Waits until the client's system has acknowledged everything that was sent, or has acknowledged nothing for the length of the limit. A reset discards
    /// what is still queued: without this wait 12,288 of 200,000 bytes arrived.
    /// </summary>
    public static async Task WaitUntilSentAsync(Socket socket, TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        long lastProgress = time.GetTimestamp();
        int? before = null;
        while (time.GetElapsedTime(lastProgress) < limit && !cancellationToken.IsCancellationRequested)
        {
            int? queued = QueuedBytes(socket);
            if (queued == 0)
            {
                return;
            }

            if (queued < before)
            {
                lastProgress = time.GetTimestamp();
            }

            before = queued;

            await Task.Delay(queued is null ? BlindDelay : PollInterval, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (queued is null)
            {
                return;
            }
        }
    }

    /// <summary>The bytes that were sent but are not acknowledged yet; null where the system does not tell.</summary>
    private static int? QueuedBytes(Socket socket)
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                const nuint SendQueueSize = 0x5411; // SIOCOUTQ, tcp(7)
                int error = Ioctl((int)socket.SafeHandle.DangerousGetHandle(), SendQueueSize, out int queued);
                return error == 0 ? queued : 0;
            }

            if (OperatingSystem.IsMacOS())
            {
                const int SocketLevel = 0xFFFF, UnsentBytes = 0x1024; // SOL_SOCKET, SO_NWRITE
                Span<byte> value = stackalloc byte[sizeof(int)];
                socket.GetRawSocketOption(SocketLevel, UnsentBytes, value);
                return MemoryMarshal.Read<int>(value);
            }

            return null;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return 0; // The connection is gone, and its queue with it.
        }
    }

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Ioctl(int descriptor, nuint request, out int value);
}
