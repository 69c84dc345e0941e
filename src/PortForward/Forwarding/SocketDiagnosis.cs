using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace PortForward.Forwarding;

/// <summary>Asks the system about the other end of a connection, when that is a socket of this machine.</summary>
/// <remarks>
/// TCP's FIN says "I send no more"; whether its sender still reads is not on the wire. On Linux sock_diag(7) tells: a socket that is
/// only shut down belongs to a file, one that was closed belongs to none (inode 0). It costs 10 µs. Other systems do not tell. The socket for it is kept, since
/// the answer is needed most when no descriptors are left, to free those of clients that have closed.
/// </remarks>
internal static partial class SocketDiagnosis
{
    private const int Netlink = 16, Datagram = 2, CloseOnExec = 0x80000, SockDiag = 4; // AF_NETLINK, SOCK_DGRAM, SOCK_CLOEXEC, NETLINK_SOCK_DIAG
    private const int DontWait = 0x40; // MSG_DONTWAIT: the kernel answers within the call that asks
    private const ushort DiagByFamily = 20, Request = 1; // SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST
    private const byte InterNetwork = 2, InterNetworkV6 = 10, Tcp = 6;
    private const int HeaderSize = 16, RequestSize = HeaderSize + 56, InodeOffset = HeaderSize + 68, AnswerSize = InodeOffset + sizeof(uint);

    private static readonly int NetlinkSocket = OperatingSystem.IsLinux() ? OpenSocket(Netlink, Datagram | CloseOnExec, SockDiag) : -1;
    private static readonly Lock Gate = new();
    private static uint _sequence;

    /// <summary>Opens the netlink socket while there are descriptors.</summary>
    public static void Prepare() => _ = NetlinkSocket;

    /// <summary>Whether the client has closed its socket, or died, and not only finished sending; null where that is not known.</summary>
    /// <param name="connection">The accepted end of the connection.</param>
    public static bool? IsClosedByClient(Socket connection)
    {
        try
        {
            if (ClientSocket.IsUnix(connection))
            {
                return OperatingSystem.IsLinux() ? HasHungUp(connection) : null;
            }

            return connection.RemoteEndPoint is IPEndPoint client && connection.LocalEndPoint is IPEndPoint own ? IsClosed(client, own) : null;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return null; // Not connected any more, which whoever uses the connection will notice.
        }
    }

    /// <summary>Whether the socket from one address to another is nobody's any more; null where that is not known.</summary>
    internal static bool? IsClosed(IPEndPoint from, IPEndPoint to)
    {
        if (NetlinkSocket < 0)
        {
            return null;
        }

        Span<byte> request = stackalloc byte[RequestSize];
        Span<byte> answer = stackalloc byte[512];
        WriteRequest(request, from, to);
        lock (Gate)
        {
            uint sequence = ++_sequence;
            MemoryMarshal.Write(request[8..], sequence);
            if (Send(NetlinkSocket, request, (nuint)request.Length, 0) != request.Length)
            {
                return null; // A sandbox may forbid it.
            }

            nint length;
            do
            {
                length = Receive(NetlinkSocket, answer, (nuint)answer.Length, DontWait);
            }
            while (length >= HeaderSize && MemoryMarshal.Read<uint>(answer[8..]) != sequence); // A late answer to an earlier request.

            // No such socket proves nothing: the system forgets a closed one after a minute, and knows none elsewhere or behind translated addresses.
            return length >= AnswerSize && MemoryMarshal.Read<ushort>(answer[4..]) == DiagByFamily ? MemoryMarshal.Read<uint>(answer[InodeOffset..]) == 0 : null;
        }
    }

    /// <summary>
    /// Whether the other end of a socket of this machine is closed. It is also said of one that has finished sending and is sent nothing more; nobody asks then.
    /// </summary>
    private static bool HasHungUp(Socket connection) =>
        (DescriptorPoll.Look((int)connection.SafeHandle.DangerousGetHandle(), events: 0) & DescriptorPoll.HungUp) != 0;

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
}
