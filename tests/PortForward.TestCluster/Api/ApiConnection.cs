using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace PortForward.Testing.Api;

/// <summary>One connection to the API server, which is closed when no request is answered on it for too long.</summary>
/// <remarks>
/// Go's server has one limit until the first request and another one between requests; Kestrel has the same for both. An upgraded connection belongs to its
/// request until it ends, and has no limit.
/// </remarks>
internal sealed class ApiConnection : IDisposable
{
    private readonly IConnectionLifetimeNotificationFeature _lifetime;
    private readonly Socket _socket;
    private readonly TimeSpan _idleLimit;
    private readonly ITimer _timer;
    private int _requests;

    /// <summary>Starts the limit of a connection that was accepted just now.</summary>
    public ApiConnection(ConnectionContext connection, TestClusterOptions options)
    {
        _lifetime = connection.Features.GetRequiredFeature<IConnectionLifetimeNotificationFeature>();
        _socket = connection.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket;
        _idleLimit = options.IdleConnectionLimit;
        _timer = options.TimeProvider.CreateTimer(_ => Expire(), null, options.UnusedConnectionLimit, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Whether HTTP is spoken. Before, during the TLS handshake, Kestrel ends a connection only together with its socket.</summary>
    public bool IsReady { get; set; }

    /// <summary>Whether the limit has closed it.</summary>
    public bool HasExpired { get; private set; }

    /// <summary>A request has come: the limit is void until it is answered.</summary>
    public void RequestBegins() => Interlocked.Increment(ref _requests);

    /// <summary>A request is answered. HTTP/2 may have others.</summary>
    public void RequestEnds()
    {
        _timer.Change(_idleLimit, Timeout.InfiniteTimeSpan);
        Interlocked.Decrement(ref _requests);
    }

    public void Dispose() => _timer.Dispose();

    private void Expire()
    {
        if (Volatile.Read(ref _requests) > 0)
            return;
        HasExpired = true;
        if (IsReady)
            _lifetime.RequestClose();
        else
            ShutDownSocket();
    }

    private void ShutDownSocket()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception over) when (over is SocketException or ObjectDisposedException)
        {
            // The client was faster.
        }
    }
}
