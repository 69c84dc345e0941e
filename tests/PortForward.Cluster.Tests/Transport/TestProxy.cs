using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace PortForward.Cluster.Tests.Transport;

/// <summary>A proxy on a socket, with or without TLS, that leads wherever the test says, whatever it is asked for.</summary>
internal sealed class TestProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly Func<TestProxy, Stream, Task<bool>> _handshake;
    private readonly int _target;
    private readonly SslServerAuthenticationOptions? _tls;
    private readonly ConcurrentQueue<Task> _connections = [];
    private readonly Task _accepting;

    /// <summary>Begins to listen.</summary>
    /// <param name="handshake">Talks with the client; true to lead on to the target.</param>
    /// <param name="target">The target's port on this machine.</param>
    /// <param name="tls">How to encrypt what goes to the proxy; null to leave it.</param>
    public TestProxy(Func<TestProxy, Stream, Task<bool>> handshake, int target = 0, SslServerAuthenticationOptions? tls = null)
    {
        _handshake = handshake;
        _target = target;
        _tls = tls;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>What the clients sent in handshakes: heads as they are, bytes as hexadecimal digits.</summary>
    public ConcurrentQueue<string> Seen { get; } = [];

    /// <summary>Whether a client has shown a certificate to the proxy itself.</summary>
    public bool HasSeenCertificate { get; private set; }

    /// <summary>Answers every CONNECT; leads on if the answer is a 200.</summary>
    public static Func<TestProxy, Stream, Task<bool>> Http(string answer = "HTTP/1.1 200 Connection established\r\n\r\n") => async (proxy, stream) =>
    {
        var head = new List<byte>();
        byte[] next = new byte[1];
        while (head is not [.., (byte)'\r', (byte)'\n', (byte)'\r', (byte)'\n'])
        {
            await stream.ReadExactlyAsync(next, proxy._ended.Token);
            head.Add(next[0]);
        }

        proxy.Seen.Enqueue(Encoding.UTF8.GetString([.. head]));
        await stream.WriteAsync(Encoding.UTF8.GetBytes(answer), proxy._ended.Token);
        return answer.Contains(" 200 ", StringComparison.Ordinal);
    };

    /// <summary>Reads a number of bytes and answers, in turn; leads on in the end unless a step says nothing.</summary>
    public static Func<TestProxy, Stream, Task<bool>> Steps(params (int Read, byte[]? Answer)[] steps) => async (proxy, stream) =>
    {
        foreach ((int read, byte[]? answer) in steps)
        {
            byte[] bytes = new byte[read];
            await stream.ReadExactlyAsync(bytes, proxy._ended.Token);
            proxy.Seen.Enqueue(Convert.ToHexString(bytes));
            if (answer is null)
            {
                return false;
            }

            await stream.WriteAsync(answer, proxy._ended.Token);
        }

        return true;
    };

    /// <summary>Takes the connection and never says a word.</summary>
    public static Func<TestProxy, Stream, Task<bool>> Silent(TaskCompletionSource heard) => async (proxy, stream) =>
    {
        await stream.ReadExactlyAsync(new byte[1], proxy._ended.Token);
        heard.TrySetResult();
        await Task.Delay(Timeout.Infinite, proxy._ended.Token);
        return false;
    };

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
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            Stream stream = new NetworkStream(socket, ownsSocket: true);
            if (_tls is not null)
            {
                var tls = new SslStream(stream, false, (_, certificate, _, _) => !(HasSeenCertificate |= certificate is not null));
                stream = tls;
                await tls.AuthenticateAsServerAsync(_tls, _ended.Token);
            }

            await using (stream)
            {
                if (!await _handshake(this, stream))
                {
                    return;
                }

                using var onward = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await onward.ConnectAsync(IPAddress.Loopback, _target, _ended.Token);
                await using var target = new NetworkStream(onward);
                await Task.WhenAny(stream.CopyToAsync(target, _ended.Token), target.CopyToAsync(stream, _ended.Token));
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException or System.Security.Authentication.AuthenticationException)
        {
            // The client went away, or the test is over.
        }
    }
}
