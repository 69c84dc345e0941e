using System.Globalization;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>What a connection in channels sends, frame by frame.</summary>
public sealed class ChannelWireTests : IDisposable
{
    private readonly UpgradeServer _server = new();
    private readonly HttpMessageInvoker _invoker = new(new SocketsHttpHandler());
    private readonly CountingTime _time = new();

    public void Dispose()
    {
        _invoker.Dispose();
        _server.Dispose();
    }

    [Fact]
    public async Task Every_write_is_one_message_with_its_channel_and_long_ones_are_several()
    {
        await using Connection connection = await OpenAsync("first");
        foreach (int length in (int[])[1, 124, 125, 32 * 1024, (32 * 1024) + 1])
        {
            (await connection.Pair.WriteAsync(new byte[length], CancellationToken.None).Soon()).Should().BeTrue();
        }

        (await connection.FramesAsync(7)).Should().Equal(
            "final Binary, masked, 6 bytes: 00 66 69 72",
            "final Binary, masked, 2 bytes: 00 00",
            "final Binary, masked, 125 bytes: 00 00 00 00",
            "final Binary, masked, 126 bytes: 00 00 00 00",
            "final Binary, masked, 32769 bytes: 00 00 00 00",
            "final Binary, masked, 32769 bytes: 00 00 00 00",
            "final Binary, masked, 2 bytes: 00 00");
    }

    [Fact]
    public async Task A_PING_of_the_server_is_answered_with_its_payload()
    {
        await using Connection connection = await OpenAsync();

        await connection.Stream.WriteAsync(new byte[] { 0x89, 3, 7, 8, 9 });

        (await connection.FramesAsync(1)).Should().Equal("final Pong, masked, 3 bytes: 07 08 09");
    }

    [Fact]
    public async Task The_clients_end_is_a_close_with_status_1000_and_nothing_follows()
    {
        await using Connection connection = await OpenAsync();

        await connection.Pair.FinishAsync(CancellationToken.None);
        bool mayWrite = await connection.Pair.WriteAsync("late"u8.ToArray(), CancellationToken.None).Soon();
        await connection.Stream.WriteAsync(new byte[] { 0x88, 2, 0x03, 0xE8 });

        mayWrite.Should().BeFalse();
        (await connection.FramesAsync(2)).Should().Equal("final Close, masked, 2 bytes: 03 E8", "the end");
    }

    [Fact]
    public async Task The_servers_close_is_answered()
    {
        await using Connection connection = await OpenAsync();

        await connection.Stream.WriteAsync(new byte[] { 0x88, 2, 0x03, 0xE8 });

        (await connection.FramesAsync(2)).Should().Equal("final Close, masked, 2 bytes: 03 E8", "the end");
    }

    [Fact]
    public async Task A_PING_goes_out_at_each_interval_and_an_empty_message_instead_while_one_has_no_pong()
    {
        await using Connection connection = await OpenAsync();

        _time.Advance(TimeSpan.FromSeconds(5));
        (await connection.FramesAsync(1)).Should().Equal("final Ping, masked, 0 bytes: ");
        _time.Advance(TimeSpan.FromSeconds(5));
        (await connection.FramesAsync(1)).Should().Equal("final Binary, masked, 0 bytes: ");

        await connection.Stream.WriteAsync(new byte[] { 0x8A, 0, 0x82, 2, 0, (byte)'x' });
        await connection.Pair.Input.ReadAsync().Soon();
        _time.Advance(TimeSpan.FromSeconds(5));
        (await connection.FramesAsync(1)).Should().Equal("final Ping, masked, 0 bytes: ");
    }

    private async Task<Connection> OpenAsync(string initialData = "")
    {
        var dialer = new ChannelTunnelDialer(_invoker, _server.Uri, new TunnelDialOptions { Time = _time });
        Task<Attempt<ITunnel>> dial = dialer.DialAsync(CancellationToken.None);
        using (UpgradeConnection probe = await _server.AcceptAsync())
        {
            await probe.RespondAsync("HTTP/1.1 400 Bad Request\nContent-Length: 34\n\nquery parameter \"port\" is required");
        }

        ITunnel tunnel = (await dial.Soon()).Value!;
        Task<Attempt<ITunnelPair>> open = tunnel.OpenPairAsync(8080, System.Text.Encoding.ASCII.GetBytes(initialData), CancellationToken.None).AsTask();
        UpgradeConnection connection = await _server.AcceptAsync();
        await connection.SwitchAsync("v4.channel.k8s.io");
        await connection.Stream.WriteAsync(new byte[] { 0x82, 3, 0, 0x90, 0x1f, 0x82, 3, 1, 0x90, 0x1f });
        return new Connection(connection, tunnel, (await open.Soon()).Value!);
    }

    private sealed record Connection(UpgradeConnection Upgrade, ITunnel Tunnel, ITunnelPair Pair) : IAsyncDisposable
    {
        public Stream Stream => Upgrade.Stream;

        /// <summary>The next frames that come from the client.</summary>
        public async Task<List<string>> FramesAsync(int count)
        {
            List<string> frames = [];
            while (frames.Count < count)
            {
                frames.Add(await FrameAsync());
            }

            return frames;
        }

        public async ValueTask DisposeAsync()
        {
            await Tunnel.DisposeAsync();
            Upgrade.Dispose();
        }

        private async Task<string> FrameAsync()
        {
            byte[] head = new byte[2];
            if (await Stream.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false).Soon() == 0)
            {
                return "the end";
            }

            byte[] extended = new byte[(head[1] & 0x7F) switch { 126 => 2, 127 => 8, _ => 0 }];
            await Stream.ReadExactlyAsync(extended).Soon();
            long length = extended.Length == 0 ? head[1] & 0x7F : extended.Aggregate(0L, (sum, next) => (sum << 8) | next);
            byte[] mask = new byte[(head[1] & 0x80) == 0 ? 0 : 4];
            await Stream.ReadExactlyAsync(mask).Soon();
            byte[] payload = new byte[length];
            await Stream.ReadExactlyAsync(payload).Soon();
            string kind = (head[0] & 0xF) switch { 0 => "Continuation", 1 => "Text", 2 => "Binary", 8 => "Close", 9 => "Ping", 10 => "Pong", var other => $"unknown {other}" };
            IEnumerable<int> plain = payload.Take(4).Select((masked, i) => masked ^ (mask.Length == 0 ? 0 : mask[i % 4]));
            string bytes = string.Join(' ', plain.Select(value => value.ToString("X2", CultureInfo.InvariantCulture)));
            return $"{((head[0] & 0x80) != 0 ? "final " : "")}{kind}, {(mask.Length == 0 ? "not masked" : "masked")}, {length} bytes: {bytes}";
        }
    }
}
