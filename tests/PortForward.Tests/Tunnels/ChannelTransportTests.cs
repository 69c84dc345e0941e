using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>What the frames of a WebSocket tell of what the peer has taken.</summary>
public sealed class ChannelTransportTests
{
    private static readonly byte[] Ping = [0x89, 0x88, 1, 2, 3, 4, .. new byte[8]];
    private static readonly byte[] Pong = [0x8A, 8, .. new byte[8]];
    private static readonly byte[] Data = [0x82, 0x82, 1, 2, 3, 4, 0, (byte)'x'];
    private static readonly byte[] Empty = [0x82, 0x80, 1, 2, 3, 4];

    private readonly MemoryStream _arriving = new();
    private readonly ChannelTransport _transport;

    public ChannelTransportTests() => _transport = new ChannelTransport(_arriving);

    [Fact]
    public async Task Nothing_is_unconfirmed_before_data_was_sent()
    {
        await SendAsync(Ping, Empty);

        _transport.HasUnconfirmedData.Should().BeFalse();
    }

    [Fact]
    public async Task The_PONG_to_a_PING_after_the_data_confirms_it()
    {
        await SendAsync(Data, Ping);
        _transport.HasUnconfirmedData.Should().BeTrue();

        await ReceiveAsync(Pong);

        _transport.HasUnconfirmedData.Should().BeFalse();
    }

    [Fact]
    public async Task The_PONG_to_a_PING_before_the_data_does_not()
    {
        await SendAsync(Ping, Data);
        await ReceiveAsync(Pong);
        _transport.HasUnconfirmedData.Should().BeTrue();

        await SendAsync(Ping);
        await ReceiveAsync(Pong);

        _transport.HasUnconfirmedData.Should().BeFalse();
    }

    [Fact]
    public async Task Data_of_the_peer_and_PONGs_that_nobody_asked_for_confirm_nothing()
    {
        await ReceiveAsync(Pong);
        await SendAsync(Data);
        await ReceiveAsync([0x82, 12, .. Pong, .. new byte[2]]);
        await ReceiveAsync(Pong);

        _transport.HasUnconfirmedData.Should().BeTrue();
    }

    [Theory]
    [InlineData(125)]
    [InlineData(126)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    public async Task Frames_of_any_length_are_followed_however_they_are_cut(int length)
    {
        byte[] head = length < 126 ? [(byte)length] : length < 65_536 ? [126, (byte)(length >> 8), (byte)length] : [127, 0, 0, 0, 0, 0, 1, 0, 0];
        byte[] payload = new byte[length];
        Array.Fill(payload, (byte)0x8A);
        await SendAsync(Data, Ping);

        foreach (byte[] piece in ((byte[])[0x82, .. head, .. payload]).Chunk(7))
        {
            await ReceiveAsync(piece);
        }

        _transport.HasUnconfirmedData.Should().BeTrue();
        foreach (byte[] piece in Pong.Chunk(1))
        {
            await ReceiveAsync(piece);
        }

        _transport.HasUnconfirmedData.Should().BeFalse();
        _transport.Received.Should().Be(1 + head.Length + length + Pong.Length);
    }

    private async Task SendAsync(params byte[][] frames)
    {
        foreach (byte[] frame in frames)
        {
            await _transport.WriteAsync(frame);
        }
    }

    private async Task ReceiveAsync(byte[] bytes)
    {
        _arriving.SetLength(0);
        await _arriving.WriteAsync(bytes);
        _arriving.Position = 0;
        await _transport.ReadExactlyAsync(new byte[bytes.Length]);
    }
}
