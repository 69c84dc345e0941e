using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace PortForward.Cluster.Tests.Transport;

/// <summary>A request as it came over the wire.</summary>
internal sealed record SeenRequest(string Head, int Connection, string? ServerName, IReadOnlyList<string> ClientChain)
{
    public string Body { get; init; } = "";

    public IReadOnlyList<string> Lines => Head.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);

    public IEnumerable<string> Values(string header) =>
        Lines.Where(line => line.StartsWith($"{header}: ", StringComparison.OrdinalIgnoreCase)).Select(line => line[(header.Length + 2)..]);
}

/// <summary>An HTTP/1.1 server on a socket, with or without TLS, which keeps every byte of the requests. It answers with what the test says.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly SslServerAuthenticationOptions? _tls;
    private readonly Func<SeenRequest, string> _answer;
    private readonly LoopbackListener _listener;
    private int _connectionCount;

    public TestServer(Func<SeenRequest, string>? answer = null, SslServerAuthenticationOptions? tls = null, IPAddress? address = null)
    {
        _answer = answer ?? (_ => Ok());
        _tls = tls;
        _listener = new LoopbackListener((socket, ended) => ServeAsync(socket, Interlocked.Increment(ref _connectionCount), ended), address);
    }

    public int Port => _listener.Port;

    public ConcurrentQueue<SeenRequest> Requests { get; } = [];

    public static string Ok(string body = "ok") => $"HTTP/1.1 200 OK\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}";

    public static string Status(int code, string more = "") => $"HTTP/1.1 {code} x\r\n{more}Content-Length: 0\r\n\r\n";

    /// <summary>A server with a certificate, which sends what is behind it too.</summary>
    public static TestServer Tls(
        X509Certificate2 certificate, Func<SeenRequest, string>? answer = null, bool asksForCertificate = false,
        IPAddress? address = null, params X509Certificate2[] intermediates) =>
        new(answer, Options(certificate, asksForCertificate, intermediates), address);

    public static SslServerAuthenticationOptions Options(X509Certificate2 certificate, bool asksForCertificate = false, params X509Certificate2[] intermediates) => new()
    {
        ServerCertificateContext = SslStreamCertificateContext.Create(certificate, [.. intermediates], offline: true),
        ClientCertificateRequired = asksForCertificate,
    };

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    private async Task ServeAsync(Socket socket, int connection, CancellationToken ended)
    {
        Stream stream = new NetworkStream(socket, ownsSocket: true);
        string? serverName = null;
        string[] chain = [];
        if (_tls is not null)
        {
            var tls = new SslStream(stream, false, (_, leaf, built, _) =>
            {
                // What the client sent, in its order: its own certificate and what was behind it.
                chain = leaf is null ? [] : [leaf.Subject, .. built!.ChainPolicy.ExtraStore.Select(one => one.Subject).Where(subject => subject != leaf.Subject)];
                return true;
            });
            stream = tls;
            await tls.AuthenticateAsServerAsync(
                (_, hello, _, _) =>
                {
                    serverName = hello.ServerName;
                    return ValueTask.FromResult(new SslServerAuthenticationOptions
                    {
                        ServerCertificateContext = _tls.ServerCertificateContext,
                        ClientCertificateRequired = _tls.ClientCertificateRequired,
                    });
                },
                state: null,
                ended);
        }

        await using (stream)
        {
            while (await HttpHead.ReadAsync(stream, ended) is { } head)
            {
                var request = new SeenRequest(head, connection, serverName, chain);
                if (request.Values("Content-Length").SingleOrDefault() is { } length)
                {
                    byte[] body = new byte[int.Parse(length, CultureInfo.InvariantCulture)];
                    await stream.ReadExactlyAsync(body, ended);
                    request = request with { Body = Encoding.UTF8.GetString(body) };
                }

                Requests.Enqueue(request);
                await stream.WriteAsync(Encoding.UTF8.GetBytes(_answer(request)), ended);
            }
        }
    }
}
