using FsCheck;
using FsCheck.Xunit;
using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Tests.Spdy;

public sealed class TransportReaderTests
{
    [Fact]
    public async Task A_fill_collects_as_many_reads_as_it_takes()
    {
        var reader = new TransportReader(new ChunkedStream([[1], [2, 3], [4, 5, 6]]), static () => ValueTask.CompletedTask, 16);

        (await reader.FillAsync(5)).Should().BeTrue();

        reader.Take(4).ToArray().Should().Equal(1, 2, 3, 4);
        reader.Take(2).ToArray().Should().Equal(5, 6);
        reader.Release();
    }

    [Fact]
    public async Task The_end_before_the_first_byte_is_a_graceful_end()
    {
        var reader = new TransportReader(new ChunkedStream([]), static () => ValueTask.CompletedTask, 16);

        (await reader.FillAsync(8)).Should().BeFalse();
    }

    [Fact]
    public async Task The_end_after_some_bytes_is_an_end_inside_of_a_frame()
    {
        var reader = new TransportReader(new ChunkedStream([[1, 2, 3]]), static () => ValueTask.CompletedTask, 16);

        Func<Task> fill = async () => await reader.FillAsync(8);

        await fill.Should().ThrowAsync<EndOfStreamException>().WithMessage("*in the middle of a frame*");
    }

    [Fact]
    public async Task Inside_of_a_frame_every_end_is_an_error()
    {
        var reader = new TransportReader(new ChunkedStream([]), static () => ValueTask.CompletedTask, 16);

        await reader.FillInsideFrameAsync(0);
        Func<Task> fill = async () => await reader.FillInsideFrameAsync(1);
        Func<Task> take = async () => await reader.TakeSomeAsync(1);

        await fill.Should().ThrowAsync<EndOfStreamException>();
        await take.Should().ThrowAsync<EndOfStreamException>();
    }

    [Fact]
    public async Task Taking_some_takes_what_is_there_but_never_more_than_asked_for()
    {
        var reader = new TransportReader(new ChunkedStream([[1, 2, 3, 4, 5], [6]]), static () => ValueTask.CompletedTask, 16);

        (await reader.TakeSomeAsync(2)).ToArray().Should().Equal(1, 2);
        (await reader.TakeSomeAsync(100)).ToArray().Should().Equal(3, 4, 5);
        (await reader.TakeSomeAsync(100)).ToArray().Should().Equal(6);
    }

    [Fact]
    public async Task Before_a_wait_for_the_transport_whoever_collects_bytes_is_told_and_not_before_a_read_that_has_some()
    {
        (DuplexStream client, DuplexStream server) = DuplexStream.CreatePair();
        int waits = 0;
        var reader = new TransportReader(client, () =>
        {
            waits++;
            return ValueTask.CompletedTask;
        }, 16);
        await server.WriteAsync(new byte[4]);

        await reader.FillAsync(4);
        waits.Should().Be(0);
        Task<bool> filling = reader.FillAsync(8).AsTask();
        waits.Should().Be(1);
        reader.IsWaiting.Should().BeTrue();
        await server.WriteAsync(new byte[4]);

        (await filling.Soon()).Should().BeTrue();
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Theory]
    [InlineData(100, true)]
    [InlineData(16 * 1024, false)]
    public async Task While_it_waits_it_holds_a_buffer_only_in_the_middle_of_a_transfer(int read, bool waitsWithoutBuffer)
    {
        var transport = new RoomRecorder([read, 1]);
        var reader = new TransportReader(transport, static () => ValueTask.CompletedTask, 32 * 1024);

        await reader.FillInsideFrameAsync(read);
        reader.Take(read);
        await reader.FillInsideFrameAsync(1);

        transport.Rooms[0].Should().Be(0, "it begins without a buffer");
        (transport.Rooms[2] == 0).Should().Be(waitsWithoutBuffer);
    }

    [Property]
    public async Task<bool> Whatever_the_chunks_and_requests_the_bytes_come_in_order_and_none_is_lost(NonEmptyArray<byte>[] chunks, NonEmptyArray<PositiveInt> requests)
    {
        const int bufferSize = 16; // The pool's smallest buffer, so that wrapping is frequent.
        byte[] all = [.. chunks.SelectMany(chunk => chunk.Get)];
        var reader = new TransportReader(new ChunkedStream([.. chunks.Select(chunk => chunk.Get)]), static () => ValueTask.CompletedTask, bufferSize);
        var received = new List<byte>();
        for (int i = 0; received.Count < all.Length; i++)
        {
            int request = Math.Min(1 + (requests.Get[i % requests.Get.Length].Get % bufferSize), all.Length - received.Count);
            if (i % 2 == 0)
            {
                await reader.FillInsideFrameAsync(request);
                received.AddRange(reader.Take(request).Span);
            }
            else
            {
                received.AddRange((await reader.TakeSomeAsync(request)).Span);
            }
        }

        bool ended = !await reader.FillAsync(1);
        reader.Release();
        return ended && received.SequenceEqual(all);
    }

    /// <summary>A transport that notes how much room each read has.</summary>
    private sealed class RoomRecorder(int[] reads) : MemoryStream
    {
        private int _next;

        public List<int> Rooms { get; } = [];

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Rooms.Add(buffer.Length);
            return ValueTask.FromResult(buffer.IsEmpty ? 0 : reads[_next++]);
        }
    }
}
