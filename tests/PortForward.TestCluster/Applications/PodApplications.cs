using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace PortForward.Testing.Applications;

/// <summary>Serves one connection of an application in a pod; the socket is closed when the task ends.</summary>
public delegate Task ApplicationHandler(Socket connection, CancellationToken stopping);

/// <summary>The applications inside one pod: each pod port is a real listener on the loopback interface, on a port of the system's choice.</summary>
public sealed class PodApplications
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, ApplicationHandler> _handlers = [];
    private readonly Dictionary<int, Application> _running = [];
    private readonly Activity _activity;
    private int _connections;

    internal PodApplications(Activity activity) => _activity = activity;

    /// <summary>Connections from the runtime to the pod's applications that are open now.</summary>
    public int OpenConnections => Volatile.Read(ref _connections);

    /// <summary>Starts an application on a pod port, in place of one that was there.</summary>
    public void Serve(int port, ApplicationHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        lock (_lock)
        {
            StopLocked(port);
            _handlers[port] = handler;
            _running[port] = new Application(handler);
        }
    }

    /// <summary>Ends the application of one port; new connections are refused. Open ones end as when a process exits.</summary>
    public void Stop(int port)
    {
        lock (_lock)
            StopLocked(port);
    }

    /// <summary>Ends every application as when the containers are killed: the kernel closes their sockets.</summary>
    public void KillAll()
    {
        lock (_lock)
        {
            foreach (var port in _running.Keys.ToArray())
                StopLocked(port);
        }
    }

    /// <summary>Starts again what was killed, as when the kubelet restarts the containers.</summary>
    public void RestartAll()
    {
        lock (_lock)
        {
            foreach (var (port, handler) in _handlers)
            {
                StopLocked(port);
                _running[port] = new Application(handler);
            }
        }
    }

    /// <summary>Connects as the runtime does from inside the pod; null when nothing listens.</summary>
    internal async Task<PodConnection?> TryConnectAsync(int port, CancellationToken cancellationToken)
    {
        IPEndPoint? endPoint;
        lock (_lock)
            endPoint = _running.GetValueOrDefault(port)?.EndPoint;
        if (endPoint is null)
            return null;

        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endPoint, cancellationToken);
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }

        Interlocked.Increment(ref _connections);
        _activity.ConnectionOpened();
        return new PodConnection(socket, () =>
        {
            Interlocked.Decrement(ref _connections);
            _activity.ConnectionClosed();
        });
    }

    private void StopLocked(int port)
    {
        if (_running.Remove(port, out var application))
            application.Dispose();
    }

    /// <summary>One listener and the connections it has accepted.</summary>
    private sealed class Application : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly ConcurrentDictionary<Socket, bool> _connections = new();
        private readonly CancellationTokenSource _stopping = new();
        private readonly ApplicationHandler _handler;

        public Application(ApplicationHandler handler)
        {
            _handler = handler;
            _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _listener.Listen(512);
            EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
            _ = AcceptAsync();
        }

        public IPEndPoint EndPoint { get; }

        public void Dispose()
        {
            _stopping.Cancel();
            _listener.Dispose();
            foreach (var connection in _connections.Keys)
                connection.Dispose();

            // The source of the token is left to the collector: handlers may still hold the token.
        }

        private async Task AcceptAsync()
        {
            try
            {
                while (true)
                    _ = ServeAsync(await _listener.AcceptAsync(_stopping.Token));
            }
            catch (Exception stopped) when (stopped is OperationCanceledException or SocketException or ObjectDisposedException)
            {
            }
        }

        private async Task ServeAsync(Socket connection)
        {
            using (connection)
            {
                connection.NoDelay = true;
                _connections[connection] = true;
                try
                {
                    if (!_stopping.IsCancellationRequested)
                        await _handler(connection, _stopping.Token);
                }
                catch (Exception over) when (over is SocketException or IOException or ObjectDisposedException or OperationCanceledException)
                {
                    // The peer left or the pod was stopped: the connection is over either way.
                }
                finally
                {
                    _connections.TryRemove(connection, out _);
                }
            }
        }
    }
}

/// <summary>A connection from the runtime to an application, counted while it is open.</summary>
internal sealed class PodConnection(Socket socket, Action closed) : IDisposable
{
    private int _disposed;

    public Socket Socket => socket;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        socket.Dispose();
        closed();
    }
}
