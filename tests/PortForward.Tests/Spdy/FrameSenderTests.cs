using System.Buffers.Binary;
using System.Collections.Concurrent;
using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Tests.Spdy;

public sealed class FrameSenderTests : IDisposable
{
    private readonly GatedStream _transport = new();
    private readonly ConcurrentQueue<Exception> _faults = new();
    private readonly FrameSender _sender;

    public FrameSenderTests() => _sender = new FrameSender(_transport, _faults.Enqueue);

    public void Dispose() => _transport.Dispose();

    private bool Queue(ReadOnlySpan<byte> frame)
    {
        bool hadRoom = _sender.Enqueue(frame);
        _sender.Flush();
        return hadRoom;
    }

    [Fact]
    public async Task What_is_composed_goes_out_in_one_write()
    {
        _transport.Open();

        (await _sender.SendAsync(100, 0, static (_, buffer) => Fill(buffer, 1, 2, 3), CancellationToken.None)).Should().Be(3);

        _transport.Written.Should().ContainSingle().Which.Should().Equal(1, 2, 3);
    }

    [Fact]
    public async Task Nothing_composed_is_nothing_sent()
    {
        (await _sender.SendAsync(100, 0, static (_, _) => 0, CancellationToken.None)).Should().Be(0);

        _transport.WriteIsWaiting.Should().BeFalse();
        _transport.Written.Should().BeEmpty();
    }

    [Fact]
    public void A_control_frame_goes_out_at_once_when_nobody_is_writing()
    {
        _transport.Open();

        Queue([9, 9]).Should().BeTrue();

        _transport.Written.Should().ContainSingle().Which.Should().Equal(9, 9);
    }

    [Fact]
    public async Task Control_frames_ride_in_front_of_the_next_turn_in_the_same_write()
    {
        Task<int> first = _sender.SendAsync(10, 0, static (_, buffer) => Fill(buffer, 1), CancellationToken.None).AsTask();
        Task<int> second = _sender.SendAsync(10, 0, static (_, buffer) => Fill(buffer, 2), CancellationToken.None).AsTask();
        Queue([7]).Should().BeTrue();
        Queue([8, 8]).Should().BeTrue();

        _transport.Open();
        (await first.Soon(), await second.Soon()).Should().Be((1, 1), "what rode along is not the sender's");

        _transport.Written.Should().BeEquivalentTo([new byte[] { 1 }, new byte[] { 7, 8, 8, 2 }], options => options.WithStrictOrdering());
    }

    [Fact]
    public async Task A_control_frame_queued_during_the_last_turn_follows_it()
    {
        Task<int> only = _sender.SendAsync(10, 0, static (_, buffer) => Fill(buffer, 1), CancellationToken.None).AsTask();
        Queue([7]);

        _transport.Open();
        await only.Soon();
        await Waiting.UntilAsync(() => _transport.Written.Count == 2);

        _transport.Written.Last().Should().Equal(7);
    }

    [Fact]
    public async Task Turns_are_taken_in_the_order_of_the_calls()
    {
        Task[] sends = [.. Enumerable.Range(0, 20).Select(i => _sender.SendAsync(1, (byte)i, static (i, buffer) => Fill(buffer, i), CancellationToken.None).AsTask())];

        _transport.Open();
        await Task.WhenAll(sends).Soon();

        _transport.Written.Select(write => (int)write[0]).Should().Equal(Enumerable.Range(0, 20));
    }

    [Fact]
    public async Task A_peer_that_does_not_read_cannot_make_the_queue_grow_without_bound()
    {
        byte[] frame = new byte[16];
        Queue(frame).Should().BeTrue();
        _transport.WriteIsWaiting.Should().BeTrue();

        for (int i = 0; i < FrameSender.MaxQueuedControlBytes / frame.Length; i++)
        {
            Queue(frame).Should().BeTrue();
        }

        Queue(frame).Should().BeFalse();
        _transport.Open();
        await Waiting.UntilAsync(() => _transport.Written.Sum(write => write.Length) == FrameSender.MaxQueuedControlBytes + frame.Length);
        Queue(frame).Should().BeTrue("there is room again");
    }

    [Fact]
    public async Task Cancelling_the_wait_for_a_turn_composes_nothing()
    {
        using var cancel = new CancellationTokenSource();
        bool composed = false;
        Task<int> first = _sender.SendAsync(10, 0, static (_, buffer) => Fill(buffer, 1), CancellationToken.None).AsTask();
        Task<int> cancelled = _sender.SendAsync(10, 0, (_, _) =>
        {
            composed = true;
            return 0;
        }, cancel.Token).AsTask();

        await cancel.CancelAsync();
        await cancelled.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        _transport.Open();
        await first.Soon();

        composed.Should().BeFalse();
        _transport.Written.Should().ContainSingle();
    }

    [Fact]
    public async Task A_write_that_has_begun_is_not_cancelled()
    {
        using var cancel = new CancellationTokenSource();
        Task<int> send = _sender.SendAsync(10, 0, static (_, buffer) => Fill(buffer, 1, 2), cancel.Token).AsTask();
        _transport.WriteIsWaiting.Should().BeTrue();

        await cancel.CancelAsync();
        _transport.Open();

        (await send.Soon()).Should().Be(2);
        _transport.Written.Should().ContainSingle().Which.Should().Equal(1, 2);
    }

    [Fact]
    public async Task A_failed_write_is_reported_and_thrown_and_frees_the_turn()
    {
        var broken = new IOException("broken");
        Task<int> send = _sender.SendAsync(10, 0, static (_, buffer) => Fill(buffer, 1), CancellationToken.None).AsTask();

        _transport.FailOne(broken);

        (await send.Invoking(task => task.Soon()).Should().ThrowAsync<IOException>()).Which.Should().BeSameAs(broken);
        _faults.Should().ContainSingle().Which.Should().BeSameAs(broken);
        _transport.Open();
        (await _sender.SendAsync(10, 0, static (_, buffer) => Fill(buffer, 3), CancellationToken.None).Soon()).Should().Be(1);
    }

    [Fact]
    public async Task A_control_frame_that_cannot_be_written_is_reported_and_frees_the_turn()
    {
        var broken = new IOException("broken");
        Queue([1]);

        _transport.FailOne(broken);
        await Waiting.UntilAsync(() => !_faults.IsEmpty);

        _faults.Should().ContainSingle().Which.Should().BeSameAs(broken);
        _transport.Open();
        (await _sender.SendAsync(10, 0, static (_, buffer) => Fill(buffer, 3), CancellationToken.None).Soon()).Should().Be(1);
    }

    [Fact]
    public async Task No_frame_is_lost_torn_or_reordered_when_everybody_sends_at_once()
    {
        const int senders = 4, each = 500;
        _transport.Open();

        await Task.WhenAll(Enumerable.Range(0, senders).Select(sender => Task.Run(async () =>
        {
            for (int i = 0; i < each; i++)
            {
                if (sender % 2 == 0)
                {
                    byte[] control = new byte[8];
                    Write(control, sender, i);
                    Queue(control).Should().BeTrue();
                }
                else
                {
                    await _sender.SendAsync(8, (sender, i), static (state, buffer) => Write(buffer, state.sender, state.i), CancellationToken.None);
                }
            }
        }))).Soon();
        await Waiting.UntilAsync(() => _transport.Written.Sum(write => write.Length) == senders * each * 8);

        IEnumerable<(int Sender, int Number)> frames = _transport.Written.SelectMany(write => write).Chunk(8)
            .Select(frame => (BinaryPrimitives.ReadInt32BigEndian(frame), BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(4))));
        frames.GroupBy(frame => frame.Sender).Should().HaveCount(senders)
            .And.AllSatisfy(sender => sender.Select(frame => frame.Number).Should().Equal(Enumerable.Range(0, each)));
    }

    private static int Fill(Span<byte> buffer, params ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(buffer);
        return bytes.Length;
    }

    private static int Write(Span<byte> buffer, int sender, int number)
    {
        BinaryPrimitives.WriteInt32BigEndian(buffer, sender);
        BinaryPrimitives.WriteInt32BigEndian(buffer[4..], number);
        return 8;
    }
}
