using System.Net.WebSockets;
using PortForward.Tests.Support;
using PortForward.WebSockets;

namespace PortForward.Tests.WebSockets;

/// <summary>What the real connections of the dialer's tests do not reach.</summary>
public sealed class WebSocketByteStreamTests : IAsyncDisposable
{
    private readonly WebSocket _peer;
    private readonly DuplexStream _transport;
    private readonly WebSocketByteStream _stream;

    public WebSocketByteStreamTests()
    {
        (_transport, DuplexStream server) = DuplexStream.CreatePair();
        _stream = new WebSocketByteStream(_transport);
        _peer = WebSocket.CreateFromStream(server, new WebSocketCreationOptions { IsServer = true, KeepAliveInterval = Timeout.InfiniteTimeSpan });
    }

    [Fact]
    public async Task A_message_may_be_read_in_pieces_and_pieces_may_be_read_as_arrays()
    {
        await _peer.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
        byte[] buffer = new byte[10];
        CancellationToken token = CancellationToken.None;

        (await _stream.ReadAsync(buffer, 1, 5, token).Soon()).Should().Be(3, "the header takes the room of two bytes");
        (await _stream.ReadAsync(buffer.AsMemory(4, 3), token).Soon()).Should().Be(2);

        buffer.Should().Equal([0, .. "hello"u8.ToArray(), 0, 0, 0, 0]);
    }

    [Fact]
    public async Task Every_write_is_one_binary_message()
    {
        CancellationToken token = CancellationToken.None;
        await _stream.WriteAsync("xaby"u8.ToArray(), 1, 2, token).Soon();
        await _stream.FlushAsync(token);
        _stream.Flush();
        byte[] buffer = new byte[10];

        ValueWebSocketReceiveResult result = await _peer.ReceiveAsync(buffer.AsMemory(), token).Soon();

        (result.Count, result.MessageType, result.EndOfMessage).Should().Be((2, WebSocketMessageType.Binary, true));
        buffer[..2].Should().Equal("ab"u8.ToArray());
    }

    [Fact]
    public async Task Messages_of_all_lengths_and_fragments_arrive_both_ways()
    {
        var random = new Random(3);
        byte[] sent = new byte[500_000];
        random.NextBytes(sent);
        CancellationToken token = CancellationToken.None;
        Task echo = Task.Run(async () =>
        {
            byte[] buffer = new byte[100_000];
            for (int received = 0; received < sent.Length;)
            {
                ValueWebSocketReceiveResult result = await _peer.ReceiveAsync(buffer.AsMemory(0, random.Next(1, buffer.Length)), token);
                await _peer.SendAsync(buffer.AsMemory(0, result.Count), WebSocketMessageType.Binary, endOfMessage: received % 2 == 0, token);
                received += result.Count;
            }
        });
        Task write = Task.Run(async () =>
        {
            int[] lengths = [0, 1, 125, 126, 65_535, 65_536, 100_000];
            for (int start = 0, i = 0; start < sent.Length; i++)
            {
                int length = Math.Min(lengths[i % lengths.Length], sent.Length - start);
                await _stream.WriteAsync(sent.AsMemory(start, length));
                start += length;
            }
        });

        byte[] received = new byte[sent.Length];
        await _stream.ReadExactlyAsync(received).Soon();

        received.Should().Equal(sent);
        await Task.WhenAll(echo, write).Soon();
    }

    [Fact]
    public async Task An_empty_read_waits_for_the_connection_and_takes_nothing()
    {
        Task<int> read = _stream.ReadAsync(Memory<byte>.Empty).AsTask();
        read.IsCompleted.Should().BeFalse();

        await _peer.SendAsync("x"u8.ToArray(), WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);

        (await read.Soon()).Should().Be(0);
        (await _stream.ReadAsync(new byte[2].AsMemory()).Soon()).Should().Be(1);
    }

    [Fact]
    public async Task A_ping_is_answered_while_nobody_writes()
    {
        (WebSocketByteStream stream, DuplexStream server) = Bare();
        await using WebSocketByteStream reading = stream;
        Task<int> read = stream.ReadAsync(new byte[10].AsMemory()).AsTask();

        await server.WriteAsync(new byte[] { 0x89, 2, 7, 8 });

        (await ReadFrameAsync(server)).Should().Be((WebSocketOpcode.Pong, "0708"));
        read.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task A_ping_that_comes_while_a_message_is_written_is_answered_behind_it()
    {
        (WebSocketByteStream stream, DuplexStream server) = Bare(bufferSize: 20);
        await using WebSocketByteStream reading = stream;
        Task write = stream.WriteAsync(new byte[100]).AsTask();
        Task<int> read = stream.ReadAsync(new byte[10].AsMemory()).AsTask();

        await server.WriteAsync(new byte[] { 0x89, 1, 1, 0x89, 1, 2 });
        await server.WriteAsync(new byte[] { 0x89, 1, 3 });
        await server.WriteAsync(new byte[] { 0x82, 1, 0xFF });

        (await read.Soon()).Should().Be(1, "reading does not wait for the answer to leave");
        write.IsCompleted.Should().BeFalse();
        (await ReadFrameAsync(server)).Opcode.Should().Be(WebSocketOpcode.Binary);
        (await ReadFrameAsync(server)).Should().Be((WebSocketOpcode.Pong, "03"), "of several the last one counts");
        await write.Soon();
    }

    [Fact]
    public async Task An_answer_to_a_ping_that_cannot_be_sent_is_not_missed()
    {
        (WebSocketByteStream stream, DuplexStream server) = Bare();
        await using WebSocketByteStream reading = stream;
        await server.WriteAsync(new byte[] { 0x89, 0, 0x82, 1, 5 });
        await server.DisposeAsync();

        (await stream.ReadAsync(new byte[10].AsMemory()).Soon()).Should().Be(1);

        await stream.Awaiting(one => one.ReadAsync(new byte[10].AsMemory()).Soon()).Should().ThrowAsync<IOException>().WithMessage("*without a WebSocket close");
        await stream.Awaiting(one => one.WriteAsync(new byte[1]).Soon()).Should().ThrowAsync<IOException>();
    }

    [Fact]
    public async Task Nothing_is_read_behind_a_close()
    {
        (WebSocketByteStream stream, DuplexStream server) = Bare();
        await server.WriteAsync(new byte[] { 0x82, 1, 5, 0x88, 2, 3, 0xE8, 0x82, 1, 6 });

        (await stream.ReadAsync(new byte[100].AsMemory()).Soon()).Should().Be(1);
        (await stream.ReadAsync(new byte[100].AsMemory()).Soon()).Should().Be(0);
        (await stream.ReadAsync(new byte[100].AsMemory()).Soon()).Should().Be(0);

        await stream.DisposeAsync().Soon();
        (await ReadFrameAsync(server)).Should().Be((WebSocketOpcode.Close, "03E8"));
        await stream.DisposeAsync().Soon();
    }

    [Fact]
    public async Task A_write_after_the_end_is_a_fault()
    {
        await _stream.DisposeAsync();

        await _stream.Awaiting(stream => stream.WriteAsync(new byte[1]).Soon()).Should().ThrowAsync<IOException>();
    }

    [Fact]
    public async Task A_cancelled_read_is_cancelled_and_no_fault_of_the_connection()
    {
        using var cancel = new CancellationTokenSource();
        Task<int> read = _stream.ReadAsync(new byte[1].AsMemory(), cancel.Token).AsTask();

        await cancel.CancelAsync();

        await read.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
    }

    [Fact]
    public async Task A_read_under_way_when_the_stream_is_disposed_is_a_fault()
    {
        Task<int> read = _stream.ReadAsync(new byte[1].AsMemory()).AsTask();

        await Task.Run(_stream.Dispose).Soon();

        await read.Invoking(task => task.Soon()).Should().ThrowAsync<IOException>().WithMessage("*closed by this side*");
        _transport.IsDisposed.Should().BeTrue();
    }

    [Fact]
    public async Task A_peer_that_takes_nothing_does_not_hold_up_the_end()
    {
        (DuplexStream transport, DuplexStream server) = DuplexStream.CreatePair(bufferSize: 10);
        await using DuplexStream stalled = server;
        var stream = new WebSocketByteStream(transport);
        Task write = stream.WriteAsync(new byte[1000]).AsTask();

        await stream.DisposeAsync().Soon();

        await write.Invoking(task => task.Soon()).Should().ThrowAsync<IOException>();
        transport.IsDisposed.Should().BeTrue();
    }

    [Fact]
    public void It_is_a_duplex_stream_without_position_and_asynchronous_only()
    {
        (_stream.CanRead, _stream.CanWrite, _stream.CanSeek).Should().Be((true, true, false));
        byte[] buffer = new byte[1];
        Action[] unsupported =
        [
            () => _ = _stream.Length, () => _ = _stream.Position, () => _stream.Position = 1, () => _stream.SetLength(1),
            () => _stream.Seek(0, SeekOrigin.Begin), () => _ = _stream.Read(buffer, 0, 1), () => _stream.Write(buffer, 0, 1),
        ];

        unsupported.Should().AllSatisfy(action => action.Should().Throw<NotSupportedException>());
    }

    private static (WebSocketByteStream Stream, DuplexStream Server) Bare(int bufferSize = 0)
    {
        (DuplexStream transport, DuplexStream server) = DuplexStream.CreatePair(bufferSize);
        return (new WebSocketByteStream(transport), server);
    }

    /// <summary>Reads a client's frame, of at most 125 bytes.</summary>
    private static async Task<(WebSocketOpcode Opcode, string Payload)> ReadFrameAsync(Stream stream)
    {
        byte[] head = new byte[6];
        await stream.ReadExactlyAsync(head).Soon();
        (head[0] & 0xF0).Should().Be(0x80);
        (head[1] & 0x80).Should().Be(0x80, "a client masks");
        byte[] payload = new byte[head[1] & 0x7F];
        await stream.ReadExactlyAsync(payload).Soon();
        return ((WebSocketOpcode)(head[0] & 0x0F), Convert.ToHexString([.. payload.Select((one, i) => (byte)(one ^ head[2 + (i % 4)]))]));
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _peer.Dispose();
    }
}
