using System.Net.WebSockets;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>What the real connections of the dialer's tests do not reach.</summary>
public sealed class WebSocketByteStreamTests : IAsyncDisposable
{
    private readonly WebSocket _peer;
    private readonly DuplexStream _transport;
    private readonly WebSocketByteStream _stream;

    public WebSocketByteStreamTests()
    {
        (_transport, DuplexStream server) = DuplexStream.CreatePair();
        _stream = new WebSocketByteStream(WebSocket.CreateFromStream(_transport, new WebSocketCreationOptions { KeepAliveInterval = Timeout.InfiniteTimeSpan }));
        _peer = WebSocket.CreateFromStream(server, new WebSocketCreationOptions { IsServer = true, KeepAliveInterval = Timeout.InfiniteTimeSpan });
    }

    [Fact]
    public async Task A_message_may_be_read_in_pieces_and_pieces_may_be_read_as_arrays()
    {
        await _peer.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
        byte[] buffer = new byte[10];
        CancellationToken token = CancellationToken.None;

        (await ((Stream)_stream).ReadAsync(buffer, 1, 3, token).Soon()).Should().Be(3);
        (await _stream.ReadAsync(buffer.AsMemory(4, 3), token).Soon()).Should().Be(2);

        buffer.Should().Equal([0, .. "hello"u8.ToArray(), 0, 0, 0, 0]);
    }

    [Fact]
    public async Task Every_write_is_one_binary_message()
    {
        CancellationToken token = CancellationToken.None;
        await ((Stream)_stream).WriteAsync("xaby"u8.ToArray(), 1, 2, token).Soon();
        await _stream.FlushAsync(token);
        _stream.Flush();
        byte[] buffer = new byte[10];

        ValueWebSocketReceiveResult result = await _peer.ReceiveAsync(buffer.AsMemory(), token).Soon();

        (result.Count, result.MessageType, result.EndOfMessage).Should().Be((2, WebSocketMessageType.Binary, true));
        buffer[..2].Should().Equal("ab"u8.ToArray());
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
        var stream = new WebSocketByteStream(WebSocket.CreateFromStream(transport, new WebSocketCreationOptions { KeepAliveInterval = Timeout.InfiniteTimeSpan }));
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

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _peer.Dispose();
    }
}
