using System.Net.Sockets;
using System.Text;

namespace PortForward.Testing.Tests.PortForwarding;

/// <summary>Sends an upgrade request by hand over plain HTTP and keeps the connection.</summary>
internal sealed class UpgradeClient : IDisposable
{
    private readonly TcpClient _tcp;

    private UpgradeClient(TcpClient tcp, string head)
    {
        _tcp = tcp;
        Stream = tcp.GetStream();
        Status = int.Parse(head.Split(' ')[1]);
        Headers = head.Split("\r\n").Skip(1).Select(line => line.Split(": ", 2)).Where(parts => parts.Length == 2)
            .ToDictionary(parts => parts[0], parts => parts[1], StringComparer.OrdinalIgnoreCase);
    }

    public int Status { get; }

    public IReadOnlyDictionary<string, string> Headers { get; }

    public NetworkStream Stream { get; }

    public static Task<UpgradeClient> SpdyAsync(TestCluster cluster, string pod) =>
        SendAsync(cluster, "POST", pod, "", "Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: portforward.k8s.io", "Content-Length: 0");

    public static Task<UpgradeClient> WebSocketAsync(TestCluster cluster, string pod, string protocol = "SPDY/3.1+portforward.k8s.io", string query = "") =>
        SendAsync(cluster, "GET", pod, query, "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", $"Sec-WebSocket-Protocol: {protocol}");

    public async Task<string> ReadBodyAsync()
    {
        var body = new byte[int.Parse(Headers.GetValueOrDefault("Content-Length") ?? "0")];
        if (body.Length == 0 && Headers.GetValueOrDefault("Transfer-Encoding") == "chunked")
        {
            var size = Convert.ToInt32(await ReadLineAsync(Stream), 16);
            body = new byte[size];
        }

        await Stream.ReadExactlyAsync(body);
        return Encoding.UTF8.GetString(body);
    }

    public void Dispose() => _tcp.Dispose();

    private static async Task<UpgradeClient> SendAsync(TestCluster cluster, string method, string pod, string query, params string[] headers)
    {
        var tcp = new TcpClient { NoDelay = true };
        await tcp.ConnectAsync(cluster.Server.Host, cluster.Server.Port);
        var request = new StringBuilder()
            .Append($"{method} /api/v1/namespaces/default/pods/{pod}/portforward{query} HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n")
            .Append($"Authorization: Bearer {cluster.Admin.Token}\r\n");
        foreach (var header in headers)
            request.Append(header).Append("\r\n");
        await tcp.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request.Append("\r\n").ToString()));

        var head = new StringBuilder();
        while (await ReadLineAsync(tcp.GetStream()) is { Length: > 0 } line)
            head.Append(line).Append("\r\n");
        return new UpgradeClient(tcp, head.ToString());
    }

    private static async Task<string> ReadLineAsync(NetworkStream stream)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (true)
        {
            await stream.ReadExactlyAsync(one);
            if (one[0] == '\n')
                return line.ToString().TrimEnd('\r');
            line.Append((char)one[0]);
        }
    }
}
