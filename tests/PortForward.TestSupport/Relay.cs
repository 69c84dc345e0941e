using System.Net;
using System.Net.Sockets;

namespace PortForward.TestSupport;

/// <summary>A path to a server that can be frozen and cut.</summary>
internal sealed class Relay : IAsyncDisposable
{
    private readonly EndPoint _target;
    private readonly Lock _gate = new();
    private readonly List<Socket> _sockets = [];
    private readonly LoopbackListener _listener;
    private TaskCompletionSource? _frozen;

    public Relay(Uri target)
    {
        _target = new DnsEndPoint(target.Host, target.Port);
        _listener = new LoopbackListener(RelayAsync);
    }

    public int Port => _listener.Port;

    public void Freeze() => _frozen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Thaw() => Interlocked.Exchange(ref _frozen, null)?.SetResult();

    /// <summary>Ends every connection with a reset.</summary>
    public void Cut()
    {
        lock (_gate)
        {
            foreach (Socket socket in _sockets)
            {
                socket.Close(timeout: 0);
            }

            _sockets.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Thaw();
        Cut();
        await _listener.DisposeAsync();
    }

    private async Task RelayAsync(Socket client, CancellationToken ended)
    {
        await (_frozen?.Task ?? Task.CompletedTask).WaitAsync(ended);
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
        lock (_gate)
        {
            _sockets.AddRange([client, server]);
        }

        await server.ConnectAsync(_target, ended);
        await Task.WhenAny(CopyAsync(client, server, ended), CopyAsync(server, client, ended));
    }

    private async Task CopyAsync(Socket from, Socket to, CancellationToken ended)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, ended) is > 0 and int read)
            {
                await (_frozen?.Task ?? Task.CompletedTask).WaitAsync(ended);
                for (int sent = 0; sent < read;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, read - sent), ended);
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Cut, or over.
        }
    }
}
