using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>A load balancer that ends TLS, and resets each connection on which nothing has moved in either direction for a while.</summary>
internal sealed class IdleCuttingRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly int _target;
    private readonly SslServerAuthenticationOptions _tls;
    private readonly TimeSpan _idleLimit;
    private readonly Task _accepting;
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
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>How many connections it has cut.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    /// <summary>How many of them had been upgraded.</summary>
    public int TunnelCuts => Volatile.Read(ref _tunnelCuts);

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _ended.Dispose();
    }

    private async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                connections.Add(RelayAsync(await _listener.AcceptSocketAsync(_ended.Token)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }

        await Task.WhenAll(connections);
    }

    private async Task RelayAsync(Socket client)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using (client)
        {
            var connection = new Connection();
            try
            {
                client.NoDelay = server.NoDelay = true;
                await server.ConnectAsync(IPAddress.Loopback, _target, _ended.Token);
                Task copies = CopyAsync(client, server, connection);
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

                    await Task.WhenAny(copies, Task.Delay(left, _ended.Token));
                    _ended.Token.ThrowIfCancellationRequested();
                }
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                // The cluster or the test is over.
            }

            client.Close(timeout: 0);
            server.Close(timeout: 0);
        }
    }

    /// <summary>Copies both ways until one of them ends.</summary>
    private async Task CopyAsync(Socket client, Socket server, Connection connection)
    {
        try
        {
            await using var secured = new SslStream(new NetworkStream(client));
            await secured.AuthenticateAsServerAsync(_tls, _ended.Token);
            await using var target = new NetworkStream(server);
            await Task.WhenAny(CopyAsync(secured, target, connection, fromServer: false), CopyAsync(target, secured, connection, fromServer: true));
        }
        catch (Exception e) when (e is IOException or AuthenticationException or ObjectDisposedException or OperationCanceledException)
        {
            // Cut, or over.
        }
    }

    private async Task CopyAsync(Stream from, Stream to, Connection connection, bool fromServer)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReadAsync(buffer, _ended.Token) is > 0 and int read)
            {
                connection.LastMoved = Stopwatch.GetTimestamp();
                connection.IsTunnel |= fromServer && buffer.AsSpan(0, read).StartsWith("HTTP/1.1 101"u8);
                await to.WriteAsync(buffer.AsMemory(0, read), _ended.Token);
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
