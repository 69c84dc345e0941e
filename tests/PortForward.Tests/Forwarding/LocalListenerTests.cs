using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using PortForward.Forwarding;
using PortForward.Tests.Support;

namespace PortForward.Tests.Forwarding;

public sealed class LocalListenerTests : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly LocalListener _listener = OpenOnGivenPort();
    private readonly AcceptGate _gate = new(null, 1, static _ => { }, TimeProvider.System);
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

    [LinuxFact]
    public async Task An_accept_that_fails_is_told_once_and_tried_again_until_it_works()
    {
        var time = new CountingTime();
        var failures = new ConcurrentQueue<string>();
        Task accepting = _listener.AcceptAllAsync(_gate, _accepted.Enqueue, failures.Enqueue, time, _stop.Token);
        Socket socket = SocketOf(_listener);
        socket.Shutdown(SocketShutdown.Both); // On Linux accept(2) then fails until listen(2) is called again.
        await Waiting.UntilAsync(() => !failures.IsEmpty);
        for (int i = 1; i <= 5; i++)
        {
            await Waiting.UntilAsync(() => time.Timers == i); // It has failed again.
            time.Advance(TimeSpan.FromSeconds(1));
        }

        socket.Listen();
        using Socket client = await Sockets.ConnectAsync(_listener.Port.Local);
        await time.AdvanceUntilAsync(() => _accepted.Count == 1);

        failures.Should().ContainSingle();
        socket.Shutdown(SocketShutdown.Both);
        await Waiting.UntilAsync(() => failures.Count == 2);
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
        _gate.Dispose();
        foreach (Socket socket in _accepted)
        {
            socket.Dispose();
        }
    }

    /// <summary>On a port asked for by number: only such a port is kept when the socket listens again.</summary>
    private static LocalListener OpenOnGivenPort()
    {
        while (true)
        {
            LocalListener random = LocalListener.TryOpen(new IPEndPoint(IPAddress.Loopback, 0), new PortMapping(0, 80), out _)!;
            random.Dispose();
            if (LocalListener.TryOpen(random.Port.Tcp, new PortMapping(0, 80), out _) is { } given)
            {
                return given;
            }
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_socket")]
    private static extern ref Socket SocketOf(LocalListener listener);

    private Task AcceptAsync() =>
        _listener.AcceptAllAsync(_gate, _accepted.Enqueue, reason => throw new InvalidOperationException(reason), TimeProvider.System, _stop.Token);
}
