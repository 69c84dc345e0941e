using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace PortForward.Benchmarks.Network;

/// <summary>
/// A longer road to a server: a relay on the loopback interface that delays each direction by half of a round trip, and limits no bandwidth.
/// </summary>
/// <remarks>
/// To connect costs a round trip on a real network, which the loopback's own handshake does not: a new connection's initial data wait for it.
/// </remarks>
internal sealed class DelayRelay : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentDictionary<Socket, bool> _sockets = new();
    private readonly DelayClock _clock = new();
    private readonly DnsEndPoint _target;
    private readonly TimeSpan _roundTrip;

    /// <summary>Opens the road.</summary>
    /// <param name="host">The server's name or address.</param>
    /// <param name="port">Its port.</param>
    /// <param name="roundTrip">How much longer than the real one the road is, there and back.</param>
    public DelayRelay(string host, int port, TimeSpan roundTrip)
    {
        _target = new DnsEndPoint(host, port);
        _roundTrip = roundTrip;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(1024);
        _ = AcceptAsync();
    }

    /// <summary>Where the relay listens on 127.0.0.1.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>Ends the relay and all of its connections.</summary>
    public void Dispose()
    {
        _listener.Dispose();
        foreach (var socket in _sockets.Keys)
            socket.Close(timeout: 0);
        _clock.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = RelayAsync(await _listener.AcceptAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task RelayAsync(Socket client)
    {
        var accepted = Stopwatch.GetTimestamp();
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        _sockets[client] = true;
        _sockets[server] = true;
        try
        {
            await server.ConnectAsync(_target);
            await _clock.UntilAsync(accepted + (long)(_roundTrip.TotalSeconds * Stopwatch.Frequency));
            await Task.WhenAll(
                new DelayedLine(client, server, _roundTrip / 2, _clock).RunAsync(),
                new DelayedLine(server, client, _roundTrip / 2, _clock).RunAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            client.Close(timeout: 0);
        }
        finally
        {
            client.Dispose();
            _sockets.TryRemove(client, out _);
            _sockets.TryRemove(server, out _);
        }
    }
}
