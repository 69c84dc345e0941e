using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace PortForward.Forwarding;

/// <summary>Asks the system about the other end of a connection, when that is a socket of this machine.</summary>
/// <remarks>
/// TCP's FIN says "I send no more"; whether its sender still reads is not on the wire. On Linux the kernel tells by sock_diag(7): a socket that is
/// only shut down belongs to a file, one that was closed belongs to none (inode 0). It costs 10 µs. Other systems do not tell.
/// </remarks>
internal static partial class SocketDiagnosis
{
    private const int Netlink = 16, Datagram = 2, CloseOnExec = 0x80000, SockDiag = 4; // AF_NETLINK, SOCK_DGRAM, SOCK_CLOEXEC, NETLINK_SOCK_DIAG
    private const int DontWait = 0x40; // MSG_DONTWAIT: the kernel answers within the call that asks
    private const ushort DiagByFamily = 20, Request = 1; // SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST
    private const byte InterNetwork = 2, InterNetworkV6 = 10, Tcp = 6;
    private const int HeaderSize = 16, RequestSize = HeaderSize + 56, InodeOffset = HeaderSize + 68, AnswerSize = InodeOffset + sizeof(uint);

    /// <summary>Whether the client has closed its socket, or died, and not only finished sending. False where that is not known.</summary>
    /// <param name="connection">The accepted end of the connection.</param>
    public static bool IsClosedByClient(Socket connection)
    {
        try
        {
            return OperatingSystem.IsLinux()
                && connection.RemoteEndPoint is IPEndPoint client && connection.LocalEndPoint is IPEndPoint own
                && InodeOf(client, own) == 0;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false; // Not connected any more, which whoever uses the connection will notice.
        }
    }

    /// <summary>The inode of the socket from one address to another; 0 if it has none any more, null if there is no such socket here.</summary>
    private static uint? InodeOf(IPEndPoint from, IPEndPoint to)
    {
        Span<byte> request = stackalloc byte[RequestSize];
        WriteRequest(request, from, to);
        int netlink = OpenSocket(Netlink, Datagram | CloseOnExec, SockDiag);
        if (netlink < 0)
        {
            return null; // A sandbox may not let us ask.
        }

        try
        {
            Span<byte> answer = stackalloc byte[512];
            if (Send(netlink, request, (nuint)request.Length, 0) != request.Length)
            {
                return null;
            }

            nint length = Receive(netlink, answer, (nuint)answer.Length, DontWait);
            return length >= AnswerSize && MemoryMarshal.Read<ushort>(answer[4..]) == DiagByFamily ? MemoryMarshal.Read<uint>(answer[InodeOffset..]) : null;
        }
        finally
        {
            _ = CloseDescriptor(netlink);
        }
    }

    /// <summary>A netlink header and a <c>struct inet_diag_req_v2</c> that names one socket.</summary>
    private static void WriteRequest(Span<byte> request, IPEndPoint from, IPEndPoint to)
    {
        request.Clear();
        MemoryMarshal.Write(request, RequestSize);
        MemoryMarshal.Write(request[4..], DiagByFamily);
        MemoryMarshal.Write(request[6..], Request);

        Span<byte> body = request[HeaderSize..];
        body[0] = from.AddressFamily == AddressFamily.InterNetworkV6 ? InterNetworkV6 : InterNetwork;
        body[1] = Tcp;
        MemoryMarshal.Write(body[4..], uint.MaxValue); // in any state

        // struct inet_diag_sockid: ports and addresses in network order, any interface, any cookie.
        Span<byte> socket = body[8..];
        BinaryPrimitives.WriteUInt16BigEndian(socket, (ushort)from.Port);
        BinaryPrimitives.WriteUInt16BigEndian(socket[2..], (ushort)to.Port);
        from.Address.TryWriteBytes(socket[4..], out _);
        to.Address.TryWriteBytes(socket[20..], out _);
        socket[40..48].Fill(byte.MaxValue);
    }

    [LibraryImport("libc", EntryPoint = "socket")]
    private static partial int OpenSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "send")]
    private static partial nint Send(int descriptor, ReadOnlySpan<byte> data, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "recv")]
    private static partial nint Receive(int descriptor, Span<byte> data, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseDescriptor(int descriptor);
}
