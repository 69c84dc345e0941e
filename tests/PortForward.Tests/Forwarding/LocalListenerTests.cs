using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using PortForward.Forwarding;
using PortForward.Tests.Support;

namespace PortForward.Tests.Forwarding;

public sealed class LocalListenerTests : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly LocalListener _listener = LocalListener.TryOpen(new IPEndPoint(IPAddress.Loopback, 0), 80, out _)!;
    private readonly ConcurrentQueue<Socket> _accepted = new();

    [Fact]
    public async Task Every_client_is_handed_on_until_it_is_stopped()
    {
        Task accepting = AcceptAsync();
        using Socket first = await Sockets.ConnectAsync(_listener.Port.Local);
        using Socket second = await Sockets.ConnectAsync(_listener.Port.Local);
        await Waiting.UntilAsync(() => _accepted.Count == 2);

        await _stop.CancelAsync();

        await accepting.Soon();
        _accepted.Select(socket => socket.RemoteEndPoint).Should().Equal(first.LocalEndPoint, second.LocalEndPoint);
    }

    [Fact]
    public async Task Clients_that_connect_before_accepting_begins_are_served_too()
    {
        using Socket early = await Sockets.ConnectAsync(_listener.Port.Local);

        Task accepting = AcceptAsync();

        await Waiting.UntilAsync(() => _accepted.Count == 1);
        await _stop.CancelAsync();
        await accepting.Soon();
    }

    [Fact]
    public async Task Stopped_beforehand_it_accepts_nobody()
    {
        await _stop.CancelAsync();

        await AcceptAsync().Soon();

        _accepted.Should().BeEmpty();
    }

    [Fact]
    public async Task Disposed_nobody_can_connect()
    {
        _listener.Dispose();

        Func<Task> connect = async () => (await Sockets.ConnectAsync(_listener.Port.Local)).Dispose();

        await connect.Should().ThrowAsync<SocketException>();
    }

    public void Dispose()
    {
        _stop.Dispose();
        _listener.Dispose();
        foreach (Socket socket in _accepted)
        {
            socket.Dispose();
        }
    }

    private Task AcceptAsync() => _listener.AcceptAllAsync(_accepted.Enqueue, reason => throw new InvalidOperationException(reason), TimeProvider.System, _stop.Token);
}
