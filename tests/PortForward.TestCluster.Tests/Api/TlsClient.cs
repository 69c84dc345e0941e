using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace PortForward.Testing.Tests.Api;

/// <summary>One connection to the API server by hand, after its TLS handshake.</summary>
internal sealed class TlsClient : IDisposable
{
    private readonly byte[] _request;
    private readonly TcpClient _tcp;
    private readonly SslStream _stream;

    private TlsClient(TestCluster cluster, TcpClient tcp, SslStream stream)
    {
        _request = Encoding.ASCII.GetBytes($"GET /healthz HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {cluster.Admin.Token}\r\n\r\n");
        _tcp = tcp;
        _stream = stream;
    }

    public Socket Socket => _tcp.Client;

    public static async Task<TlsClient> ConnectAsync(TestCluster cluster)
    {
        var tcp = new TcpClient { NoDelay = true };
        await tcp.ConnectAsync(cluster.Server.Host, cluster.Server.Port).Soon();
        var stream = new SslStream(tcp.GetStream());
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", CertificateChainPolicy = ApiClient.Trust(cluster) }).Soon();
        return new TlsClient(cluster, tcp, stream);
    }

    /// <summary>Sends a request, and reads its answer.</summary>
    /// <returns>The answer's status.</returns>
    public async Task<int> AskAsync()
    {
        await _stream.WriteAsync(_request).Soon();
        using var answer = new StreamReader(_stream, leaveOpen: true);
        var text = new StringBuilder();
        while (!text.ToString().EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal))
        {
            var buffer = new char[1024];
            var length = await answer.ReadAsync(buffer.AsMemory()).Soon();
            length.Should().BePositive("the answer should be whole");
            text.Append(buffer, 0, length);
        }

        return int.Parse(text.ToString().Split(' ')[1]);
    }

    /// <summary>Completes at the end of the connection, before which nothing may come.</summary>
    public async Task WhenClosedAsync() => (await _stream.ReadAsync(new byte[1])).Should().Be(0);

    public void Dispose() => _tcp.Dispose();
}
