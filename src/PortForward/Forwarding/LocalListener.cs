using System.Net;
using System.Net.Sockets;

namespace PortForward.Forwarding;

/// <summary>A listening socket on one address and port, or on a socket file.</summary>
internal sealed class LocalListener : IDisposable
{
    /// <summary>How many connections may wait to be accepted: as Go's, the system's maximum on Linux.</summary>
    private const int Backlog = 4096;

    /// <summary>How long to wait before the next accept when the system has run out of something. Go's net/http waits up to 1 s.</summary>
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket;
    private readonly SocketFile? _file;

    private LocalListener(Socket socket, ForwardedPort port, SocketFile? file = null)
    {
        _socket = socket;
        _file = file;
        Port = port;
    }

    public ForwardedPort Port { get; }

    /// <summary>Binds and listens, so that clients can connect from now on; they are accepted by <see cref="AcceptAllAsync"/>.</summary>
    public static LocalListener? TryOpen(IPEndPoint endPoint, PortMapping mapping, out ListenFailure failure, int index = 0)
    {
        failure = default;
        Socket? socket = null;
        try
        {
            socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = false; // "::" is IPv6 only, as kubectl's tcp6.
            }

            if (OperatingSystem.IsWindows())
            {
                socket.ExclusiveAddressUse = true; // There another program could otherwise bind the same port and take clients away; elsewhere none can.
            }

            socket.Bind(endPoint);
            socket.Listen(Backlog);
            return new LocalListener(socket, new ForwardedPort(socket.LocalEndPoint!, mapping.TargetPort) { Index = index, Name = mapping.Name });
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            failure = new ListenFailure(e.SocketErrorCode);
            return null;
        }
    }

    /// <summary>Creates a socket file and listens there.</summary>
    public static LocalListener? TryOpen(string path, PortMapping mapping, out ListenFailure failure, int index = 0) =>
        SocketFile.TryListen(path, Backlog, out failure) is { } file
            ? new LocalListener(file.Socket, new ForwardedPort(new UnixDomainSocketEndPoint(path), mapping.TargetPort) { Index = index, Name = mapping.Name }, file)
            : null;

    /// <summary>Accepts connections until the token is cancelled; an accept that fails is reported and tried again.</summary>
    /// <param name="gate">Says how many clients may be connected.</param>
    /// <param name="onAccepted">Takes a client, and gives its place at the gate back when it has ended.</param>
    /// <param name="onFailed">Called with the system's error message when accepting begins to fail for another reason than a lack of descriptors.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Ends it.</param>
    public async Task AcceptAllAsync(AcceptGate gate, Action<Socket> onAccepted, Action<string> onFailed, TimeProvider time, CancellationToken stop)
    {
        bool hasPlace = false, failing = false, usesReserve = false;
        while (true)
        {
            try
            {
                if (!hasPlace)
                {
                    await gate.EnterAsync(Port, stop).ConfigureAwait(false);
                    hasPlace = true;
                }

                if (!usesReserve)
                {
                    gate.Reserve.Refill();
                }

                Socket client = await _socket.AcceptAsync(stop).ConfigureAwait(false);
                hasPlace = failing = usesReserve = false;
                onAccepted(client);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionAborted or SocketError.ConnectionReset)
            {
                // The client went away while it was waiting.
            }
            catch (SocketException e)
            {
                if (e.SocketErrorCode == SocketError.TooManyOpenSockets)
                {
                    gate.ReportShortage(Port);
                    if (!usesReserve && gate.Reserve.TryRelease())
                    {
                        usesReserve = true; // The reserve serves the next client, and is refilled only after that.
                        continue;
                    }
                }
                else if (!failing)
                {
                    failing = true;
                    onFailed(e.Message);
                }

                await Task.Delay(RetryDelay, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    public void Dispose()
    {
        _file?.Dispose();
        _socket.Dispose();
    }
}
