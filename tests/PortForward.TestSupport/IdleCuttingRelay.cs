using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace PortForward.TestSupport;

/// <summary>A load balancer that ends TLS, and resets each connection on which nothing has moved in either direction for a while.</summary>
internal sealed class IdleCuttingRelay : IAsyncDisposable
{
    private readonly int _target;
    private readonly SslServerAuthenticationOptions _tls;
    private readonly TimeSpan _idleLimit;
    private readonly LoopbackListener _listener;
    private int _cuts;
    private int _tunnelCuts;

    /// <summary>Begins to listen.</summary>
    /// <param name="target">The port on this machine to lead to, which speaks HTTP without TLS.</param>
    /// <param name="tls">The relay's own certificate.</param>
    /// <param name="idleLimit">How long a connection may be idle.</param>
    public IdleCuttingRelay(int target, SslServerAuthenticationOptions tls, TimeSpan idleLimit)
    {
        _target = target;
        _tls = tls;
        _idleLimit = idleLimit;
        _listener = new LoopbackListener(RelayAsync);
    }

    public int Port => _listener.Port;

    /// <summary>How many connections it has cut.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    /// <summary>How many of them had been upgraded.</summary>
    public int TunnelCuts => Volatile.Read(ref _tunnelCuts);

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    private async Task RelayAsync(Socket client, CancellationToken ended)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var connection = new Connection();
        try
        {
            client.NoDelay = server.NoDelay = true;
            await server.ConnectAsync(IPAddress.Loopback, _target, ended);
            Task copies = CopyAsync(client, server, connection, ended);
            while (!copies.IsCompleted)
            {
                TimeSpan left = _idleLimit - Stopwatch.GetElapsedTime(connection.LastMoved);
                if (left <= TimeSpan.Zero)
                {
                    Interlocked.Increment(ref _cuts);
                    if (connection.IsTunnel)
                    {
                        Interlocked.Increment(ref _tunnelCuts);
                    }

                    break;
                }

                await Task.WhenAny(copies, Task.Delay(left, ended));
                ended.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            client.Close(timeout: 0);
            server.Close(timeout: 0);
        }
    }

    /// <summary>Copies both ways until one of them ends.</summary>
    private async Task CopyAsync(Socket client, Socket server, Connection connection, CancellationToken ended)
    {
        try
        {
            await using var secured = new SslStream(new NetworkStream(client));
            await secured.AuthenticateAsServerAsync(_tls, ended);
            await using var target = new NetworkStream(server);
            await Task.WhenAny(CopyAsync(secured, target, connection, fromServer: false, ended), CopyAsync(target, secured, connection, fromServer: true, ended));
        }
        catch (Exception e) when (e is IOException or AuthenticationException or ObjectDisposedException or OperationCanceledException)
        {
            // Cut, or over.
        }
    }

    private static async Task CopyAsync(Stream from, Stream to, Connection connection, bool fromServer, CancellationToken ended)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReadAsync(buffer, ended) is > 0 and int read)
            {
                connection.LastMoved = Stopwatch.GetTimestamp();
                connection.IsTunnel |= fromServer && buffer.AsSpan(0, read).StartsWith("HTTP/1.1 101"u8);
                await to.WriteAsync(buffer.AsMemory(0, read), ended);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // Cut, or over.
        }
    }

    private sealed class Connection
    {
        public long LastMoved { get; set; } = Stopwatch.GetTimestamp();

        public bool IsTunnel { get; set; }
    }
}
