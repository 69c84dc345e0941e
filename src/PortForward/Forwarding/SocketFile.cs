using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PortForward.Forwarding;

/// <summary>
/// A socket file that is listened on, for its owner alone. What lies under its name already is replaced only if it is a socket at which nobody listens any more. It is
/// removed at the end, unless another file has taken its place.
/// </summary>
internal sealed class SocketFile : IDisposable
{
    /// <summary>What stands before the path of a socket, for people and in arguments.</summary>
    public const string Prefix = "unix:";

    private readonly string _path;
    private readonly FileIdentity? _identity;
    private int _isDisposed;

    private SocketFile(string path, Socket socket)
    {
        _path = path;
        _identity = FileIdentity.Of(path);
        Socket = socket;
        AppDomain.CurrentDomain.ProcessExit += OnExit; // A program may end without having ended what it has begun.
    }

    /// <summary>How many bytes the path of a socket may have, without the NUL behind it.</summary>
    public static int MaxPathLength { get; } = (OperatingSystem.IsLinux() || OperatingSystem.IsWindows() ? 108 : 104) - 1;

    /// <summary>The socket; clients can connect.</summary>
    public Socket Socket { get; }

    /// <summary>Says in a few words why nothing can be listened on under a path; null if nothing speaks against it yet.</summary>
    /// <param name="path">The whole path.</param>
    public static string? WhyWrong(string path) => path switch
    {
        _ when Path.EndsInDirectorySeparator(path) => $"{path} is a folder; the name of the socket is missing",
        _ when Encoding.UTF8.GetByteCount(path) is var length && length > MaxPathLength =>
            $"the path {path} has {length} bytes, and a socket's at most {MaxPathLength}; use a shorter folder, such as "
            + (OperatingSystem.IsWindows() ? "%TEMP%" : "$XDG_RUNTIME_DIR or /tmp"),
        _ => null,
    };

    /// <summary>Creates the file and listens.</summary>
    /// <param name="path">The whole path.</param>
    /// <param name="backlog">How many connections may wait to be accepted.</param>
    /// <param name="failure">Why that is not possible.</param>
    public static SocketFile? TryListen(string path, int backlog, out ListenFailure failure)
    {
        string folder = Path.GetDirectoryName(path)!;
        if (!Directory.Exists(folder))
        {
            failure = new ListenFailure(SocketError.AddressNotAvailable) { Text = $"there is no folder {folder}" };
            return null;
        }

        using FolderLock? alone = FolderLock.Take(folder);
        if (!MakeRoom(path, out failure))
        {
            return null;
        }

        Socket? socket = null;
        bool isBound = false;
        try
        {
            socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Bind(new KeptFile(path));
            isBound = true;
            if (!OperatingSystem.IsWindows())
            {
                // Before it listens: until then the system refuses everybody, whatever the mode is. So the process's umask, which its other threads share, is left alone.
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            socket.Listen(backlog);
            return new SocketFile(path, socket);
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException)
        {
            if (isBound)
            {
                TryDelete(path);
            }

            socket?.Dispose();
            failure = e is SocketException { SocketErrorCode: var error } ? new ListenFailure(error) : new ListenFailure(SocketError.AccessDenied) { Text = e.Message };
            return null;
        }
    }

    /// <summary>Removes the file, if it is still this one, and closes the socket.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        using (FolderLock.Take(Path.GetDirectoryName(_path)!))
        {
            if (_identity is not null && FileIdentity.Of(_path) == _identity)
            {
                TryDelete(_path);
            }
        }

        Socket.Dispose();
    }

    private void OnExit(object? sender, EventArgs e) => Dispose();

    /// <summary>Removes a socket at which nobody listens any more. False if there is anything else.</summary>
    private static bool MakeRoom(string path, out ListenFailure failure)
    {
        failure = default;
        if (FileIdentity.Of(path) is not { } there)
        {
            return true;
        }

        if (!there.IsSocket)
        {
            failure = new ListenFailure(SocketError.AddressAlreadyInUse) { Text = "a file of that name is there, and is no socket" };
            return false;
        }

        switch (Knock(path))
        {
            case SocketError.ConnectionRefused when TryDelete(path):
            case SocketError.AddressNotAvailable: // It has gone meanwhile.
                return true;

            case SocketError.ConnectionRefused:
                failure = new ListenFailure(SocketError.AccessDenied) { Text = "an old socket of that name is there, and you may not remove it" };
                return false;

            case SocketError.AccessDenied:
                failure = new ListenFailure(SocketError.AddressAlreadyInUse) { Text = "it belongs to another user" };
                return false;

            default:
                failure = new ListenFailure(SocketError.AddressAlreadyInUse) { Text = "it is in use by another program" };
                return false;
        }
    }

    /// <summary>Connects, to see whether anybody listens. It does not wait: a program whose queue is full listens.</summary>
    private static SocketError Knock(string path)
    {
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            client.Connect(new UnixDomainSocketEndPoint(path));
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }

    private static bool TryDelete(string path)
    {
        try
        {
            File.Delete(path);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>
    /// The path of a socket as its address. A <see cref="Socket"/> deletes the file of a <see cref="UnixDomainSocketEndPoint"/> at its end, whoever's it is by then.
    /// </summary>
    private sealed class KeptFile(string path) : EndPoint
    {
        private readonly UnixDomainSocketEndPoint _address = new(path);

        public override AddressFamily AddressFamily => AddressFamily.Unix;

        public override SocketAddress Serialize() => _address.Serialize();

        public override EndPoint Create(SocketAddress socketAddress) => _address.Create(socketAddress);
    }
}
