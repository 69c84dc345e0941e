using System.Net;
using System.Net.Sockets;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Transport;

public sealed class CoalescingStreamTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task What_arrives_is_read_in_order_whatever_sizes_are_asked_for()
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        (CoalescingStream stream, Socket peer) = await ConnectAsync();
        await using CoalescingStream reading = stream;
        using Socket sending = peer;
        byte[] sent = new byte[3_000_000];
        random.NextBytes(sent);
        Task send = Task.Run(async () =>
        {
            for (int start = 0; start < sent.Length;)
            {
                int length = Math.Min(random.Next(1, 200_000), sent.Length - start);
                await sending.SendAsync(sent.AsMemory(start, length));
                start += length;
            }

            sending.Shutdown(SocketShutdown.Send);
        });

        using var received = new MemoryStream();
        var sizes = new Random(seed + 1);
        byte[] buffer = new byte[200_000];
        int read;
        while ((read = await stream.ReadAsync(buffer.AsMemory(0, sizes.Next(1, buffer.Length))).AsTask().WaitAsync(Limit)) > 0)
        {
            received.Write(buffer, 0, read);
        }

        await send;
        received.ToArray().AsSpan().SequenceEqual(sent).Should().BeTrue("seed {0}", seed);
    }

    [Fact]
    public async Task An_empty_read_waits_for_bytes_and_takes_none()
    {
        (CoalescingStream stream, Socket peer) = await ConnectAsync();
        await using CoalescingStream reading = stream;
        using Socket sending = peer;
        Task<int> waiting = stream.ReadAsync(Memory<byte>.Empty).AsTask();
        waiting.IsCompleted.Should().BeFalse();
        await sending.SendAsync(new byte[] { 1, 2, 3 });
        (await waiting.WaitAsync(Limit)).Should().Be(0);

        byte[] buffer = new byte[2];
        (await stream.ReadAsync(buffer)).Should().Be(2);
        (await stream.ReadAsync(Memory<byte>.Empty).AsTask().WaitAsync(Limit)).Should().Be(0, "the third byte was read ahead");
        (await stream.ReadAsync(buffer)).Should().Be(1);
        buffer[0].Should().Be(3);
    }

    [Fact]
    public async Task A_reset_by_the_peer_is_an_error_and_its_end_is_not()
    {
        (CoalescingStream ended, Socket ending) = await ConnectAsync();
        await using (ended)
        {
            ending.Dispose();
            (await ended.ReadAsync(new byte[1]).AsTask().WaitAsync(Limit)).Should().Be(0);
        }

        (CoalescingStream reset, Socket resetting) = await ConnectAsync();
        await using (reset)
        {
            Task<int> read = reset.ReadAsync(new byte[1]).AsTask();
            resetting.LingerState = new LingerOption(enable: true, seconds: 0);
            resetting.Dispose();
            await read.Awaiting(one => one.WaitAsync(Limit)).Should().ThrowAsync<IOException>();
        }
    }

    [Fact]
    public async Task A_read_that_waits_ends_when_it_is_cancelled_or_the_stream_is_closed()
    {
        (CoalescingStream stream, Socket peer) = await ConnectAsync();
        using Socket silent = peer;
        using var cancelled = new CancellationTokenSource();
        Task<int> read = stream.ReadAsync(new byte[1], cancelled.Token).AsTask();
        await cancelled.CancelAsync();
        await read.Awaiting(one => one.WaitAsync(Limit)).Should().ThrowAsync<OperationCanceledException>();

        // The system may show this side's own end as an end like any other.
        Task<int> next = stream.ReadAsync(new byte[1]).AsTask();
        await stream.DisposeAsync();
        await ((Task)next).WaitAsync(Limit).ContinueWith(static _ => { }, TaskScheduler.Default);
        (next.IsCompletedSuccessfully ? await next : 0).Should().Be(0);
        next.Exception?.InnerException.Should().Match(e => e is IOException || e is ObjectDisposedException);
        next.IsCompleted.Should().BeTrue();
    }

    [Fact]
    public async Task Coalesced_writes_are_sent_when_it_is_told_to_and_not_before()
    {
        (CoalescingStream stream, Socket peer) = await ConnectAsync();
        await using CoalescingStream writing = stream;
        using Socket receiving = peer;
        stream.Coalesce();
        await stream.WriteAsync(new byte[] { 1 });
        await stream.WriteAsync(new byte[] { 2 });
        receiving.Available.Should().Be(0);
        await stream.SendCoalescedAsync(CancellationToken.None);
        await stream.WriteAsync(new byte[] { 3 });
        (await ReceiveAsync(receiving, 3)).Should().Equal(1, 2, 3);
    }

    [Fact]
    public async Task What_there_is_no_room_for_is_sent_in_order_behind_what_was_coalesced()
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        (CoalescingStream stream, Socket peer) = await ConnectAsync();
        await using CoalescingStream writing = stream;
        using Socket receiving = peer;
        byte[] sent = new byte[2_000_000];
        random.NextBytes(sent);
        Task<byte[]> received = ReceiveAsync(receiving, sent.Length);
        for (int start = 0; start < sent.Length;)
        {
            stream.Coalesce();
            for (int writes = random.Next(1, 12); writes > 0 && start < sent.Length; writes--)
            {
                int length = Math.Min(random.Next(1, random.Next(2) == 0 ? 20_000 : 300_000), sent.Length - start);
                await stream.WriteAsync(sent.AsMemory(start, length)).AsTask().WaitAsync(Limit);
                start += length;
            }

            await stream.SendCoalescedAsync(CancellationToken.None).AsTask().WaitAsync(Limit);
        }

        (await received).AsSpan().SequenceEqual(sent).Should().BeTrue("seed {0}", seed);
    }

    private static async Task<byte[]> ReceiveAsync(Socket socket, int count)
    {
        await using var stream = new NetworkStream(socket);
        byte[] bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes).AsTask().WaitAsync(Limit);
        return bytes;
    }

    private static async Task<(CoalescingStream Stream, Socket Peer)> ConnectAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(listener.LocalEndPoint!);
        Socket peer = await listener.AcceptAsync();
        return (new CoalescingStream(socket, TimeProvider.System), peer);
    }
}
