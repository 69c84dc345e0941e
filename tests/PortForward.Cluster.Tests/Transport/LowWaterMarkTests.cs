using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Transport;

public sealed class LowWaterMarkTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly FakeTimeProvider _time = new();
    private readonly byte[] _buffer = new byte[LowWaterMark.LongTransfer];
    private Socket _socket = null!;
    private Socket _peer = null!;
    private CoalescingStream _stream = null!;

    public async Task InitializeAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await _socket.ConnectAsync(listener.LocalEndPoint!);
        _peer = await listener.AcceptAsync();
        _peer.NoDelay = true;
        _stream = new CoalescingStream(_socket, _time);
    }

    [LowWaterFact]
    public async Task The_mark_is_set_in_a_long_transfer_and_not_before()
    {
        await TransferAsync(LowWaterMark.LongTransfer - 1);
        Mark().Should().Be(1);

        await TransferAsync(1);

        Mark().Should().Be(LowWaterMark.Height);
    }

    [LowWaterFact]
    public async Task Bytes_below_the_mark_wait_for_two_pauses_at_most()
    {
        await TransferAsync(LowWaterMark.LongTransfer);
        Task<int> reading = _stream.ReadAsync(_buffer).AsTask();
        await _peer.SendAsync(new byte[100]);

        _time.Advance(LowWaterMark.Pause);
        _time.Advance(LowWaterMark.Pause);

        (await reading.WaitAsync(Limit)).Should().Be(100);
        Mark().Should().Be(1);
    }

    [LowWaterFact]
    public async Task As_much_as_the_mark_asks_for_wakes_the_reader_at_once()
    {
        await TransferAsync(LowWaterMark.LongTransfer);
        Task<int> reading = _stream.ReadAsync(_buffer).AsTask();

        await _peer.SendAsync(new byte[LowWaterMark.Height]);

        (await reading.WaitAsync(Limit)).Should().Be(LowWaterMark.Height);
        Mark().Should().Be(LowWaterMark.Height);
    }

    [LowWaterFact]
    public async Task The_mark_stays_while_bytes_come()
    {
        await TransferAsync(LowWaterMark.LongTransfer);
        for (int i = 0; i < 5; i++)
        {
            await TransferAsync(LowWaterMark.Height);
            _time.Advance(LowWaterMark.Pause);
        }

        Mark().Should().Be(LowWaterMark.Height);
    }

    [LowWaterFact]
    public async Task After_a_pause_a_sender_that_trickles_is_read_at_once()
    {
        await TransferAsync(LowWaterMark.LongTransfer);
        _time.Advance(LowWaterMark.Pause);
        _time.Advance(LowWaterMark.Pause);
        Mark().Should().Be(1);

        await TransferAsync(LowWaterMark.AfterPause - 1);
        Mark().Should().Be(1);
        await TransferAsync(1);

        Mark().Should().Be(LowWaterMark.Height);
    }

    [LowWaterFact]
    public async Task An_answer_that_somebody_waits_for_is_never_below_a_mark()
    {
        await TransferAsync(LowWaterMark.LongTransfer);

        await _stream.WriteAsync("question"u8.ToArray());
        Mark().Should().Be(1);
        await TransferAsync(LowWaterMark.LongTransfer - 1);

        Mark().Should().Be(1);
    }

    [LowWaterFact]
    public async Task The_end_of_the_connection_is_read_whatever_the_mark_is()
    {
        await TransferAsync(LowWaterMark.LongTransfer);
        Task<int> reading = _stream.ReadAsync(_buffer).AsTask();
        await _peer.SendAsync(new byte[10]);
        _peer.Shutdown(SocketShutdown.Send);

        (await reading.WaitAsync(Limit)).Should().Be(10);
        (await _stream.ReadAsync(_buffer).AsTask().WaitAsync(Limit)).Should().Be(0);
    }

    [LowWaterFact]
    public async Task A_reset_is_read_whatever_the_mark_is()
    {
        await TransferAsync(LowWaterMark.LongTransfer);
        Task<int> reading = _stream.ReadAsync(_buffer).AsTask();
        _peer.LingerState = new LingerOption(enable: true, seconds: 0);
        _peer.Dispose();

        await reading.Awaiting(one => one.WaitAsync(Limit)).Should().ThrowAsync<IOException>();
    }

    [LowWaterFact]
    public async Task A_check_after_the_end_does_nothing()
    {
        await TransferAsync(LowWaterMark.LongTransfer);

        await _stream.DisposeAsync();

        _time.Invoking(time => time.Advance(10 * LowWaterMark.Pause)).Should().NotThrow();
    }

    public async Task DisposeAsync()
    {
        await _stream.DisposeAsync();
        _peer.Dispose();
    }

    private int Mark() => (int)_socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReceiveLowWater)!;

    /// <summary>Sends bytes through the connection, and reads them all.</summary>
    private async Task TransferAsync(int length)
    {
        Task sending = _peer.SendAsync(new byte[length]);
        for (int left = length; left > 0;)
        {
            left -= await _stream.ReadAsync(_buffer.AsMemory(0, Math.Min(left, _buffer.Length))).AsTask().WaitAsync(Limit);
        }

        await sending.WaitAsync(Limit);
    }
}

/// <summary>A test of the mark, skipped where the system has none that serves.</summary>
internal sealed class LowWaterFactAttribute : FactAttribute
{
    public LowWaterFactAttribute()
    {
        if (!LowWaterMark.IsSupported)
        {
            Skip = "This system has no low-water mark whose lowering wakes a reader: Linux has, since 4.18.";
        }
    }
}
