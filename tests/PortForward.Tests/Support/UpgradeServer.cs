using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;

namespace PortForward.Tests.Support;

/// <summary>A server on the loopback that answers one upgrade after the other as a test tells it to.</summary>
internal sealed class UpgradeServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    /// <summary>Begins to listen.</summary>
    /// <param name="receiveBuffer">How much the system takes before the test reads it; as much as it likes if null.</param>
    public UpgradeServer(int? receiveBuffer = null)
    {
        if (receiveBuffer is { } size)
        {
            _listener.Server.ReceiveBufferSize = size;
        }

        _listener.Start();
    }

    public Uri Uri => new($"http://{_listener.LocalEndpoint}/api/v1/namespaces/default/pods/web/portforward");

    /// <summary>Accepts a connection and reads the request that comes on it.</summary>
    public async Task<UpgradeConnection> AcceptAsync()
    {
        TcpClient client = await _listener.AcceptTcpClientAsync().Soon();
        var connection = new UpgradeConnection(client);
        await connection.ReadRequestAsync();
        return connection;
    }

    /// <summary>Accepts another connection, if one comes before something else has happened.</summary>
    public async Task<UpgradeConnection?> AcceptAsync(Task unless)
    {
        using var cancel = new CancellationTokenSource();
        Task<TcpClient> accept = _listener.AcceptTcpClientAsync(cancel.Token).AsTask();
        if (await Task.WhenAny(accept, unless).Soon() == accept)
        {
            return new UpgradeConnection(await accept);
        }

        await cancel.CancelAsync();
        return null;
    }

    public void Dispose() => _listener.Dispose();
}

internal sealed class UpgradeConnection(TcpClient client) : IDisposable
{
    private readonly NetworkStream _stream = client.GetStream();

    public string RequestLine { get; private set; } = "";

    public Dictionary<string, string> Headers { get; } = new(StringComparer.OrdinalIgnoreCase);

    public async Task ReadRequestAsync()
    {
        string head = await HttpHead.ReadAsync(_stream).Soon() ?? throw new EndOfStreamException();
        string[] lines = head.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        RequestLine = lines[0];
        foreach (string line in lines.Skip(1))
        {
            Headers.Add(line[..line.IndexOf(':')], line[(line.IndexOf(':') + 1)..].Trim());
        }
    }

    public async Task RespondAsync(string response) => await _stream.WriteAsync(Encoding.UTF8.GetBytes(response.ReplaceLineEndings("\r\n"))).Soon();

    /// <summary>Switches protocols as an API server does.</summary>
    public async Task<WebSocket> SwitchAsync(string? subprotocol = "SPDY/3.1+portforward.k8s.io")
    {
        await RespondAsync($"HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: {Accept(Headers["Sec-WebSocket-Key"])}\n"
            + (subprotocol is null ? "" : $"Sec-WebSocket-Protocol: {subprotocol}\n") + "\n");
        return WebSocket.CreateFromStream(_stream, new WebSocketCreationOptions { IsServer = true });
    }

    /// <summary>The proof of RFC 6455, 4.2.2.</summary>
    public static string Accept(string key)
    {
#pragma warning disable CA5350 // The RFC's choice.
        return Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
    }

    /// <summary>Whether the other side has closed the connection, in whichever way.</summary>
    public async Task<bool> IsClosedAsync()
    {
        try
        {
            return await _stream.ReadAsync(new byte[1]).Soon() == 0;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>The bytes behind the answer.</summary>
    public Stream Stream => _stream;

    /// <summary>Cuts the connection with RST.</summary>
    public void Cut()
    {
        client.Client.LingerState = new LingerOption(enable: true, seconds: 0);
        client.Dispose();
    }

    public void Dispose() => client.Dispose();
}
