using System.Net.WebSockets;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>A connection through WebSocket channels: its bytes, its end and its liveness.</summary>
public sealed class ChannelTunnelTests : ChannelTunnelTestBase
{
    [Fact]
    public async Task A_connection_asks_for_its_port_and_carries_bytes_both_ways()
    {
        (Peer peer, ITunnel tunnel, IStreamPair pair) = await OpenAsync(8080, "first");
        using Peer owned = peer;

        peer.RequestLine.Should().Be("GET /api/v1/namespaces/default/pods/web/portforward?ports=8080 HTTP/1.1");
        (await peer.ReceiveAsync()).Should().Be("\0first");
        (await pair.WriteAsync("more"u8.ToArray(), CancellationToken.None)).Should().BeTrue();
        (await peer.ReceiveAsync()).Should().Be("\0more");
        await peer.SendAsync(0, "answer");
        (await ReadAsync(pair, 6)).Should().Be("answer");
        (tunnel.CanOpen, tunnel.IsConnected, tunnel.IsWaitingForPod).Should().Be((false, true, true));
        (await tunnel.OpenPairAsync(8080, default, CancellationToken.None)).Fault!.Kind.Should().Be(TunnelFaultKind.Lost, "it carries one connection");
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task The_servers_close_is_an_end_in_good_order()
    {
        (Peer peer, ITunnel tunnel, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;
        await peer.SendAsync(0, "whole");
        await peer.CloseAsync();

        (await ReadAsync(pair, 5)).Should().Be("whole");
        (await pair.Input.ReadAsync().AsTask().Soon()).IsCompleted.Should().BeTrue();
        (await pair.Completion.Soon()).Should().Be(new PairEnd(PairEndKind.Completed));
        (await tunnel.Completion.Soon()).Should().Be(TunnelEnd.Finished);
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_message_on_the_error_channel_is_the_completion_status_after_all_data()
    {
        (Peer peer, _, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;
        await peer.SendAsync(0, "part");
        await peer.SendAsync(1, "connection reset by peer\n");
        await peer.CloseAsync();

        (await ReadAsync(pair, 4)).Should().Be("part");
        (await pair.Completion.Soon()).Should().Be(new PairEnd(PairEndKind.Failed, "connection reset by peer"));
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_connection_that_breaks_off_is_a_lost_tunnel()
    {
        (Peer peer, ITunnel tunnel, IStreamPair pair) = await OpenAsync(8080);
        peer.Dispose();

        (await pair.Completion.Soon()).Kind.Should().Be(PairEndKind.TunnelLost);
        (await tunnel.Completion.Soon()).Should().Be(TunnelEnd.Lost);
        (await pair.WriteAsync("x"u8.ToArray(), CancellationToken.None)).Should().BeFalse();
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_pair_that_this_side_disposes_ends_the_connection_and_is_no_loss()
    {
        (Peer peer, ITunnel tunnel, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;

        await pair.DisposeAsync().AsTask().Soon();

        (await tunnel.Completion.Soon()).Should().Be(TunnelEnd.Finished);
        await FluentActions.Awaiting(() => peer.ReceiveAsync()).Should().ThrowAsync<WebSocketException>();
    }

    [Fact]
    public async Task The_clients_end_closes_the_connection_and_what_is_under_way_still_arrives()
    {
        (Peer peer, _, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;

        await pair.FinishAsync(CancellationToken.None);
        await peer.SendAsync(0, "late");
        await peer.CloseAsync();

        (await ReadAsync(pair, 4)).Should().Be("late");
        (await pair.Completion.Soon()).Kind.Should().Be(PairEndKind.Completed);
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task An_application_that_is_not_reading_gets_the_clients_end_late_and_after_every_byte()
    {
        (Peer peer, _, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;
        byte[] piece = new byte[32 * 1024];
        int pieces = 0;
        Task<bool> sent;
        do
        {
            sent = pair.WriteAsync(piece, CancellationToken.None).AsTask();
            pieces++;
        }
        while (await Task.WhenAny(sent, Task.Delay(TimeSpan.FromSeconds(1))) == sent); // Real time: the system does not tell when its buffers are full.

        Task finished = pair.FinishAsync(CancellationToken.None).AsTask();
        await Task.WhenAny(finished, Task.Delay(TimeSpan.FromMilliseconds(100)));
        finished.IsCompleted.Should().BeFalse("nobody has taken what comes before it");

        (await peer.ReceiveToEndAsync()).Should().Be(pieces * (long)piece.Length);
        await finished.Soon();
        (await sent).Should().BeTrue();
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_client_that_has_sent_everything_and_left_loses_nothing_though_the_application_answers()
    {
        using var server = new UpgradeServer(receiveBuffer: 4096);
        var dialer = new ChannelTunnelDialer(_invoker, server.Uri);
        ITunnel tunnel = (await ProvedAsync(dialer, server)).Value!;
        Task<Attempt<ITunnelPair>> open = tunnel.OpenPairAsync(8080, default, CancellationToken.None).AsTask();
        using Peer peer = await Peer.AcceptAsync(server, 8080);
        IStreamPair pair = (await open.Soon()).Value!;
        const int Length = 150_000;
        (await pair.WriteAsync(new byte[Length], CancellationToken.None).AsTask().Soon()).Should().BeTrue();

        pair.CloseByClient();
        Task disposed = pair.DisposeAsync().AsTask();
        await peer.SendAsync(0, new string('x', 300_000));

        (await peer.ReceiveToEndAsync()).Should().Be(Length);
        disposed.IsCompleted.Should().BeFalse("the server has not ended its side");
        await peer.CloseAsync();
        await disposed.Soon();
        (await tunnel.Completion.Soon()).Should().Be(TunnelEnd.Finished);
    }

    [Fact]
    public async Task A_client_that_has_left_is_forgotten_when_its_tunnel_is()
    {
        (Peer peer, ITunnel tunnel, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;
        pair.CloseByClient();
        Task disposed = pair.DisposeAsync().AsTask();

        await tunnel.DisposeAsync().AsTask().Soon();

        await disposed.Soon();
        (await tunnel.Completion.Soon()).Should().Be(TunnelEnd.Finished);
    }

    [Fact]
    public async Task A_message_in_pieces_of_any_size_is_put_together()
    {
        Task<Attempt<ITunnel>> dial = ProvedAsync();
        ITunnel tunnel = (await dial).Value!;
        Task<Attempt<ITunnelPair>> open = tunnel.OpenPairAsync(8080, default, CancellationToken.None).AsTask();
        using Peer peer = await Peer.SwitchAsync(await _server.AcceptAsync());
        foreach (byte[] message in (byte[][])[[0, 0x90, 0x1f, .. "split"u8], [1, 0x90, 0x1f]])
        {
            for (int i = 0; i < message.Length; i++)
            {
                await peer.SendPieceAsync(message.AsMemory(i, 1), isLast: i == message.Length - 1);
            }
        }

        IStreamPair pair = (await open.Soon()).Value!;
        (await ReadAsync(pair, 5)).Should().Be("split");
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_client_that_does_not_read_is_felt_by_the_server()
    {
        (Peer peer, ITunnel tunnel, IStreamPair pair) = await OpenAsync(8080);
        using Peer owned = peer;
        const long Most = 64 << 20;
        long sent = 0;
        var flood = Task.Run(async () =>
        {
            for (; sent < 2 * Most; Interlocked.Add(ref sent, 64 << 10))
            {
                await peer.SendAsync(0, new string('x', 64 << 10));
            }
        });

        // It stands still for a while: then every buffer on the way is full, and one without a bound would not be.
        for (long before = -1; (Interlocked.Read(ref sent) != before || tunnel.IsWaitingForPod) && !flood.IsCompleted;)
        {
            before = Interlocked.Read(ref sent);
            await Task.Delay(100);
        }

        flood.IsCompleted.Should().BeFalse();
        Interlocked.Read(ref sent).Should().BeLessThan(Most, "what neither side's system nor the pair's buffer holds is not taken");
        (tunnel.IsWaitingForPod, tunnel.IsUnresponsive).Should().Be((false, false));

        await pair.DisposeAsync().AsTask().Soon();
        await FluentActions.Awaiting(() => flood.Soon()).Should().ThrowAsync<WebSocketException>();
    }

    [Fact]
    public async Task An_answered_PING_says_that_the_data_before_it_was_taken_so_that_silence_is_death_again()
    {
        var dialer = new ChannelTunnelDialer(_invoker, _server.Uri, new TunnelDialOptions { Time = _time, LivenessTimeout = TimeSpan.FromMilliseconds(300) });
        ITunnel tunnel = (await ProvedAsync(dialer, _server)).Value!;
        Task<Attempt<ITunnelPair>> open = tunnel.OpenPairAsync(8080, "data"u8.ToArray(), CancellationToken.None).AsTask();
        using UpgradeConnection connection = await _server.AcceptAsync();
        (await Peer.SwitchAsync(connection)).Should().NotBeNull();
        await connection.Stream.WriteAsync(new byte[] { 0x82, 3, 0, 0x90, 0x1f, 0x82, 3, 1, 0x90, 0x1f });
        IStreamPair pair = (await open.Soon()).Value!;
        ((IMonitoredConnection)pair).HasUnacknowledgedData.Should().BeTrue();

        // The application's data alone proves nothing.
        await connection.Stream.WriteAsync(new byte[] { 0x82, 2, 0, (byte)'x' });
        (await ReadAsync(pair, 1)).Should().Be("x");
        ((IMonitoredConnection)pair).HasUnacknowledgedData.Should().BeTrue();

        _time.Advance(TimeSpan.FromMilliseconds(100));
        await connection.Stream.WriteAsync(await ReadPingAsync(connection.Stream));
        await Waiting.UntilAsync(() => !((IMonitoredConnection)pair).HasUnacknowledgedData);
        await Waiting.UntilAsync(() => tunnel.IsWaitingForPod);
        for (int i = 0; i < 5; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
        }

        (await pair.Completion.Soon()).Kind.Should().Be(PairEndKind.TunnelLost);
        (await tunnel.Completion.Soon()).Should().Be(TunnelEnd.Lost);
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_connection_through_which_nothing_comes_back_is_kept_busy_all_the_same()
    {
        (Peer peer, _, IStreamPair pair) = await OpenAsync(8080, "data");
        using Peer owned = peer;
        (await peer.ReceiveAsync()).Should().Be("\0data");

        _time.Advance(TimeSpan.FromSeconds(5));
        _time.Advance(TimeSpan.FromSeconds(5));
        _time.Advance(TimeSpan.FromSeconds(5));

        (await peer.ReceiveAsync()).Should().BeEmpty("load balancers see it, and the kubelet skips it");
        (await peer.ReceiveAsync()).Should().BeEmpty();
        await pair.DisposeAsync();
    }

    [Fact]
    public async Task A_silent_connection_without_data_on_its_way_is_dead_and_one_with_data_is_unresponsive()
    {
        (Peer idlePeer, ITunnel idle, IStreamPair idlePair) = await OpenAsync(8080);
        using Peer ownedIdle = idlePeer;
        (Peer busyPeer, ITunnel busy, IStreamPair busyPair) = await OpenAsync(8080, "data", prove: false);
        using Peer ownedBusy = busyPeer;
        await Waiting.UntilAsync(() => idle.IsWaitingForPod && busy.IsWaitingForPod);

        for (int i = 0; i < 5; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
        }

        (await idlePair.Completion.Soon()).Kind.Should().Be(PairEndKind.TunnelLost);
        (await idle.Completion.Soon()).Should().Be(TunnelEnd.Lost);
        (busy.IsUnresponsive, busy.IsConnected).Should().Be((true, true));
        await busyPair.DisposeAsync();
        await idlePair.DisposeAsync();
    }

    /// <summary>Reads frames up to a PING, and makes the PONG for it.</summary>
    private static async Task<byte[]> ReadPingAsync(Stream stream)
    {
        byte[] head = new byte[6];
        while (true)
        {
            await stream.ReadExactlyAsync(head).Soon();
            byte[] payload = new byte[head[1] & 0x7F];
            await stream.ReadExactlyAsync(payload).Soon();
            if ((head[0] & 0xF) == 9)
            {
                return [0x8A, (byte)payload.Length, .. payload.Select((masked, i) => (byte)(masked ^ head[2 + (i % 4)]))];
            }
        }
    }
}
