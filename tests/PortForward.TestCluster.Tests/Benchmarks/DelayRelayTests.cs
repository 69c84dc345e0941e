using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using PortForward.Benchmarks.Network;

namespace PortForward.Testing.Tests.Benchmarks;

/// <summary>The relay that makes the road longer, between real sockets. Delays can only be too long on a busy machine, so only the least is asserted.</summary>
public sealed class DelayRelayTests : IDisposable
{
    private static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(60);
    private readonly List<Socket> _ends = [];
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly DelayRelay _relay;

    public DelayRelayTests()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        _relay = new DelayRelay("127.0.0.1", ((IPEndPoint)_listener.LocalEndPoint!).Port, RoundTrip);
    }

    [Fact]
    public async Task The_first_byte_costs_a_round_trip_more_than_half_of_one_since_connecting_does()
    {
        var began = Stopwatch.GetTimestamp();
        var (client, server) = await ConnectAsync();
        await client.SendAsync(new byte[1]);
        await ReceiveAsync(server, 1);

        Stopwatch.GetElapsedTime(began).Should().BeGreaterThanOrEqualTo(RoundTrip * 1.5);
    }

    [Fact]
    public async Task A_message_and_its_answer_take_a_round_trip()
    {
        var (client, server) = await ConnectAsync();
        await client.SendAsync(new byte[1]);
        await ReceiveAsync(server, 1);

        for (var i = 0; i < 5; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await client.SendAsync(new byte[1]);
            await ReceiveAsync(server, 1);
            Stopwatch.GetElapsedTime(began).Should().BeGreaterThanOrEqualTo(RoundTrip / 2);
            await server.SendAsync(new byte[1]);
            await ReceiveAsync(client, 1);
            Stopwatch.GetElapsedTime(began).Should().BeGreaterThanOrEqualTo(RoundTrip);
        }
    }

    [Fact]
    public async Task Bytes_arrive_whole_in_order_and_far_faster_than_one_read_for_each_delay()
    {
        var sent = new byte[20_000_000];
        new Random(4).NextBytes(sent);
        var (client, server) = await ConnectAsync();

        var began = Stopwatch.GetTimestamp();
        var sending = SendAllAsync(client, sent);
        var received = await ReceiveAsync(server, sent.Length);
        var elapsed = Stopwatch.GetElapsedTime(began);
        await sending;

        received.AsSpan().SequenceEqual(sent).Should().BeTrue();
        var reads = sent.Length / (64 * 1024);
        elapsed.Should().BeLessThan(reads * (RoundTrip / 2) / 2, "what is on the way is not waited for one after the other");
    }

    [Fact]
    public async Task An_end_arrives_after_the_bytes_before_it_and_leaves_the_other_direction_open()
    {
        var (client, server) = await ConnectAsync();
        await client.SendAsync("last words"u8.ToArray());
        client.Shutdown(SocketShutdown.Send);

        (await ReceiveAsync(server, 10)).Should().Equal("last words"u8.ToArray());
        (await server.ReceiveAsync(new byte[1]).Soon()).Should().Be(0);
        await server.SendAsync(new byte[] { 7 });
        (await ReceiveAsync(client, 1)).Should().Equal(7);
    }

    [Fact]
    public async Task A_reset_is_passed_on()
    {
        var (client, server) = await ConnectAsync();
        client.Close(timeout: 0);

        var receiving = async () => await server.ReceiveAsync(new byte[1]).Soon();
        await receiving.Should().ThrowAsync<SocketException>();
    }

    [Fact]
    public async Task The_clock_wakes_the_one_who_is_due_first_though_he_came_last()
    {
        using var clock = new DelayClock();
        var now = Stopwatch.GetTimestamp();
        var late = clock.UntilAsync(now + (Stopwatch.Frequency * 3600));
        var early = clock.UntilAsync(now + (Stopwatch.Frequency / 50));

        await early.Soon();

        Stopwatch.GetElapsedTime(now).Should().BeGreaterThanOrEqualTo(TimeSpan.FromMilliseconds(20));
        late.IsCompleted.Should().BeFalse();
    }

    public void Dispose()
    {
        _relay.Dispose();
        _listener.Dispose();
        _ends.ForEach(end => end.Dispose());
    }

    private async Task<(Socket Client, Socket Server)> ConnectAsync()
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, _relay.Port).Soon();
        var server = await _listener.AcceptAsync().Soon();
        server.NoDelay = true;

        // A socket that nobody refers to any more is closed with a reset by its finalizer, in the middle of a test.
        _ends.AddRange([client, server]);
        return (client, server);
    }

    private static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[await socket.SendAsync(bytes)..];
    }

    private static async Task<byte[]> ReceiveAsync(Socket socket, int count)
    {
        var bytes = new byte[count];
        for (var length = 0; length < count;)
        {
            var read = await socket.ReceiveAsync(bytes.AsMemory(length)).Soon();
            read.Should().BePositive("the connection should not have ended");
            length += read;
        }

        return bytes;
    }
}
