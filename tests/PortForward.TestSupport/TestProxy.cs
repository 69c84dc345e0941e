using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace PortForward.TestSupport;

/// <summary>A proxy on a socket, with or without TLS, that leads wherever the test says, whatever it is asked for.</summary>
internal sealed class TestProxy : IAsyncDisposable
{
    private readonly Func<TestProxy, Stream, CancellationToken, Task<IPEndPoint?>> _handshake;
    private readonly IPEndPoint _target;
    private readonly SslServerAuthenticationOptions? _tls;
    private readonly LoopbackListener _listener;
    private int _connected;

    /// <summary>Begins to listen.</summary>
    /// <param name="handshake">Talks with the client, and says where to lead on to; null to end the connection.</param>
    /// <param name="target">The target's port on this machine.</param>
    /// <param name="tls">How to encrypt what goes to the proxy; null to leave it.</param>
    public TestProxy(Func<TestProxy, Stream, CancellationToken, Task<IPEndPoint?>> handshake, int target = 0, SslServerAuthenticationOptions? tls = null)
    {
        _handshake = handshake;
        _target = new IPEndPoint(IPAddress.Loopback, target);
        _tls = tls;
        _listener = new LoopbackListener(ServeAsync);
    }

    public int Port => _listener.Port;

    /// <summary>What the clients sent in handshakes: heads as they are, bytes as hexadecimal digits.</summary>
    public ConcurrentQueue<string> Seen { get; } = [];

    /// <summary>Whether a client has shown a certificate to the proxy itself.</summary>
    public bool HasSeenCertificate { get; private set; }

    /// <summary>How many connections it has led on.</summary>
    public int Connected => Volatile.Read(ref _connected);

    /// <summary>Answers every CONNECT; leads on if the answer is a 200.</summary>
    public static Func<TestProxy, Stream, CancellationToken, Task<IPEndPoint?>> Http(string answer = "HTTP/1.1 200 Connection established\r\n\r\n") => async (proxy, stream, ended) =>
    {
        if (await HttpHead.ReadAsync(stream, ended) is not { } head)
        {
            return null;
        }

        proxy.Seen.Enqueue(head);
        await stream.WriteAsync(Encoding.UTF8.GetBytes(answer), ended);
        return answer.Contains(" 200 ", StringComparison.Ordinal) ? proxy._target : null;
    };

    /// <summary>Connects whoever knows the password, to the address that they ask for.</summary>
    public static Func<TestProxy, Stream, CancellationToken, Task<IPEndPoint?>> WithPassword(string username, string password) => async (_, stream, ended) =>
    {
        string authorization = $"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{username}:{password}"))}";
        if (await HttpHead.ReadAsync(stream, ended) is not { } head)
        {
            return null;
        }

        string[] lines = head.Split("\r\n");
        if (!lines.Contains(authorization, StringComparer.Ordinal))
        {
            await stream.WriteAsync("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"u8.ToArray(), ended);
            return null;
        }

        await stream.WriteAsync("HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray(), ended);
        return IPEndPoint.Parse(lines[0].Split(' ')[1]);
    };

    /// <summary>Reads a number of bytes and answers, in turn; leads on in the end unless a step says nothing.</summary>
    public static Func<TestProxy, Stream, CancellationToken, Task<IPEndPoint?>> Steps(params (int Read, byte[]? Answer)[] steps) => async (proxy, stream, ended) =>
    {
        foreach ((int read, byte[]? answer) in steps)
        {
            byte[] bytes = new byte[read];
            await stream.ReadExactlyAsync(bytes, ended);
            proxy.Seen.Enqueue(Convert.ToHexString(bytes));
            if (answer is null)
            {
                return null;
            }

            await stream.WriteAsync(answer, ended);
        }

        return proxy._target;
    };

    /// <summary>Takes the connection and never says a word.</summary>
    public static Func<TestProxy, Stream, CancellationToken, Task<IPEndPoint?>> Silent(TaskCompletionSource heard) => async (_, stream, ended) =>
    {
        await stream.ReadExactlyAsync(new byte[1], ended);
        heard.TrySetResult();
        await Task.Delay(Timeout.Infinite, ended);
        return null;
    };

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    private async Task ServeAsync(Socket socket, CancellationToken ended)
    {
        Stream stream = new NetworkStream(socket, ownsSocket: true);
        if (_tls is not null)
        {
            var tls = new SslStream(stream, false, (_, certificate, _, _) => !(HasSeenCertificate |= certificate is not null));
            stream = tls;
            await tls.AuthenticateAsServerAsync(_tls, ended);
        }

        await using (stream)
        {
            if (await _handshake(this, stream, ended) is not { } target)
            {
                return;
            }

            using var onward = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await onward.ConnectAsync(target, ended);
            Interlocked.Increment(ref _connected);
            await using var server = new NetworkStream(onward);
            await Task.WhenAny(stream.CopyToAsync(server, ended), server.CopyToAsync(stream, ended));
        }
    }
}
