using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PortForward.Cli.Tests.Support;

/// <summary>An HTTP proxy on the loopback interface that connects whoever knows the password.</summary>
internal sealed class PasswordProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly ConcurrentQueue<Task> _connections = [];
    private readonly string _authorization;
    private readonly Task _accepting;
    private int _connected;

    public PasswordProxy(string username, string password)
    {
        _authorization = $"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{username}:{password}"))}";
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>How many connections it has made.</summary>
    public int Connected => _connected;

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await Task.WhenAll(_connections);
        _ended.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _connections.Enqueue(ServeAsync(await _listener.AcceptSocketAsync(_ended.Token)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket accepted)
    {
        await using var client = new NetworkStream(accepted, ownsSocket: true);
        try
        {
            string[] head = (await ReadHeadAsync(client)).Split("\r\n");
            if (!head.Contains(_authorization, StringComparer.Ordinal))
            {
                await client.WriteAsync("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"u8.ToArray(), _ended.Token);
                return;
            }

            using var server = new TcpClient();
            await server.ConnectAsync(IPEndPoint.Parse(head[0].Split(' ')[1]), _ended.Token);
            Interlocked.Increment(ref _connected);
            await client.WriteAsync("HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray(), _ended.Token);
            await Task.WhenAny(client.CopyToAsync(server.GetStream(), _ended.Token), server.GetStream().CopyToAsync(client, _ended.Token));
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
        {
            // One side went away, or the test is over.
        }
    }

    private async Task<string> ReadHeadAsync(NetworkStream stream)
    {
        var head = new StringBuilder();
        byte[] next = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await stream.ReadExactlyAsync(next, _ended.Token);
            head.Append((char)next[0]);
        }

        return head.ToString();
    }
}
