using System.Text;
using PortForward.Tests.Support;
using PortForward.WebSockets;

namespace PortForward.Tests.WebSockets;

/// <summary>Messages, their parts, and what the PONGs tell of what the peer has read.</summary>
public sealed class WebSocketConnectionTests : IAsyncDisposable
{
    private static readonly byte[] Pong = [0x8A, 0];

    private readonly DuplexStream _peer;
    private readonly WebSocketConnection _connection;
    private readonly byte[] _buffer = new byte[64 * 1024];

    public WebSocketConnectionTests()
    {
        (DuplexStream client, _peer) = DuplexStream.CreatePair();
        _connection = new WebSocketConnection(client, "channel");
    }

    [Fact]
    public async Task Nothing_is_unacknowledged_before_data_was_sent()
    {
        _connection.Ping();
        _connection.TrySendEmpty();

        await ReceiveAsync(Message("x"));

        _connection.HasUnacknowledgedData.Should().BeFalse();
    }

    [Fact]
    public async Task The_PONG_to_a_PING_after_the_data_acknowledges_it()
    {
        await SendAsync("data");
        _connection.Ping();
        (_connection.HasUnacknowledgedData, _connection.HasOpenPing).Should().Be((true, true));

        await ReceiveAsync([.. Pong, .. Message("x")]);

        (_connection.HasUnacknowledgedData, _connection.HasOpenPing).Should().Be((false, false));
    }

    [Fact]
    public async Task The_PONG_to_a_PING_before_the_data_does_not()
    {
        _connection.Ping();
        await SendAsync("data");
        await ReceiveAsync([.. Pong, .. Message("x")]);
        _connection.HasUnacknowledgedData.Should().BeTrue();

        _connection.Ping();
        await ReceiveAsync([.. Pong, .. Message("x")]);

        _connection.HasUnacknowledgedData.Should().BeFalse();
    }

    [Fact]
    public async Task Data_of_the_peer_and_PONGs_that_nobody_asked_for_acknowledge_nothing()
    {
        await ReceiveAsync([.. Pong, .. Message("x")]);
        await SendAsync("data");
        await ReceiveAsync(Message("12 bytes: x"));
        await ReceiveAsync([.. Pong, .. Message("x")]);

        _connection.HasUnacknowledgedData.Should().BeTrue();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(125)]
    [InlineData(126)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(200_000)]
    public async Task Messages_of_any_length_come_apart_however_they_are_cut(int length)
    {
        string text = string.Concat(Enumerable.Range(0, length).Select(i => (char)('a' + (i % 26))));
        byte[] sent = [.. Message(text), .. Pong, .. Message("next")];
        foreach (byte[] piece in sent.Chunk(777))
        {
            await _peer.WriteAsync(piece);
        }

        (await MessageAsync()).Should().Be(text);
        (await MessageAsync()).Should().Be("next");
        _connection.BytesReceived.Should().Be(sent.Length);
    }

    [Fact]
    public async Task A_message_in_fragments_ends_with_the_last_one_and_a_PING_may_come_between_them()
    {
        await _peer.WriteAsync(new byte[] { 0x02, 1, (byte)'a', 0x89, 1, 7, 0x00, 1, (byte)'b', 0x80, 0, 0x82, 1, (byte)'c' });

        (await MessageAsync()).Should().Be("ab");
        (await MessageAsync()).Should().Be("c");
        _peer.BytesRead.Should().Be(0);
        byte[] pong = new byte[7];
        await _peer.ReadExactlyAsync(pong).Soon();
        pong[..2].Should().Equal(0x8A, 0x81);
        (pong[6] ^ pong[2]).Should().Be(7);
    }

    [Fact]
    public async Task A_graceful_close_is_the_end_and_what_comes_behind_it_is_skipped()
    {
        await _peer.WriteAsync(new byte[] { 0x82, 1, (byte)'a', 0x88, 2, 0x03, 0xE8, 0x82, 1, (byte)'b' });

        (await MessageAsync()).Should().Be("a");
        (await _connection.ReceiveAsync(_buffer).Soon()).Should().BeNull();
        (await _connection.ReceiveAsync(_buffer).Soon()).Should().BeNull();
    }

    [Theory]
    [InlineData(new byte[] { 0x81, 1, (byte)'a' }, "the server sent a text message, which the channel protocol does not know")]
    [InlineData(new byte[] { 0x88, 4, 0x03, 0xF3, (byte)'n', (byte)'o' }, "the server closed the WebSocket with status 1011 no")]
    public async Task Anything_else_is_a_fault(byte[] frame, string message)
    {
        await _peer.WriteAsync(frame);

        (await FluentActions.Awaiting(() => _connection.ReceiveAsync(_buffer).Soon()).Should().ThrowAsync<IOException>()).WithMessage(message);
    }

    [Fact]
    public async Task A_connection_that_is_cut_has_not_ended_gracefully()
    {
        await _peer.DisposeAsync();

        (await FluentActions.Awaiting(() => _connection.ReceiveAsync(_buffer).Soon()).Should().ThrowAsync<IOException>())
            .WithMessage("the connection was cut without a WebSocket close");
    }

    [Fact]
    public async Task A_PING_that_meets_a_write_goes_out_behind_it()
    {
        (DuplexStream client, DuplexStream peer) = DuplexStream.CreatePair(bufferSize: 100);
        await using var connection = new WebSocketConnection(client, "channel");
        Task sending = connection.SendAsync(new byte[1000], CancellationToken.None).AsTask();
        sending.IsCompleted.Should().BeFalse("the peer does not read");

        connection.Ping();

        byte[] message = new byte[4 + 4 + 1000];
        await peer.ReadExactlyAsync(message).Soon();
        await sending.Soon();
        byte[] ping = new byte[6];
        await peer.ReadExactlyAsync(ping).Soon();
        ping[..2].Should().Equal(0x89, 0x80);
        connection.HasOpenPing.Should().BeTrue();
    }

    [Fact]
    public async Task What_has_arrived_is_not_received_after_this_side_has_cut_the_connection()
    {
        await ReceiveAsync([.. Message("a"), .. Message("b")]);

        _connection.Abort();

        await FluentActions.Awaiting(() => _connection.ReceiveAsync(_buffer).Soon()).Should().ThrowAsync<IOException>();
    }

    [Fact]
    public async Task Nothing_follows_the_close_of_this_side()
    {
        await _connection.CloseOutputAsync().Soon();
        await _connection.CloseOutputAsync().Soon();
        _connection.Ping();

        (await FluentActions.Awaiting(() => SendAsync("late")).Should().ThrowAsync<IOException>()).WithMessage("the connection was closed by this side");
        await _connection.DisposeAsync();
        using var sent = new MemoryStream();
        await _peer.CopyToAsync(sent).Soon();
        sent.ToArray()[..2].Should().Equal(0x88, 0x82);
        sent.Length.Should().Be(8);
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private Task SendAsync(string message) => _connection.SendAsync(Encoding.ASCII.GetBytes(message), CancellationToken.None).Soon();

    /// <summary>Receives one message from the peer.</summary>
    private async Task ReceiveAsync(byte[] frames)
    {
        await _peer.WriteAsync(frames);
        await MessageAsync();
    }

    private async Task<string> MessageAsync()
    {
        var message = new StringBuilder();
        while (await _connection.ReceiveAsync(_buffer).Soon() is (var bytes, var endsMessage))
        {
            message.Append(Encoding.ASCII.GetString(bytes.Span));
            if (endsMessage)
            {
                return message.ToString();
            }
        }

        throw new InvalidOperationException("The connection has ended.");
    }

    private static byte[] Message(string text)
    {
        byte[] length = text.Length switch
        {
            < 126 => [(byte)text.Length],
            <= ushort.MaxValue => [126, (byte)(text.Length >> 8), (byte)text.Length],
            _ => [127, 0, 0, 0, 0, (byte)(text.Length >> 24), (byte)(text.Length >> 16), (byte)(text.Length >> 8), (byte)text.Length],
        };
        return [0x82, .. length, .. Encoding.ASCII.GetBytes(text)];
    }
}
