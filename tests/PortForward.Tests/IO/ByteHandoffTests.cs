using System.Text;
using PortForward.IO;

namespace PortForward.Tests.IO;

public sealed class ByteHandoffTests
{
    private readonly ByteHandoff _handoff = new();

    [Fact]
    public async Task A_write_ends_when_everything_was_taken()
    {
        Task<bool> write = WriteAsync("hello");

        (await ReadAsync(3)).Should().Be("hel");
        write.IsCompleted.Should().BeFalse("two bytes are left");
        (await ReadAsync(3)).Should().Be("lo");

        (await write.Soon()).Should().BeTrue();
        _handoff.Available.Should().Be(0);
    }

    [Fact]
    public async Task A_read_waits_for_bytes()
    {
        Task<string?> read = ReadAsync(10);
        read.IsCompleted.Should().BeFalse();

        (await WriteAsync("now").Soon()).Should().BeTrue();

        (await read.Soon()).Should().Be("now");
    }

    [Fact]
    public async Task An_empty_buffer_waits_for_bytes_and_takes_none()
    {
        Task<string?> read = ReadAsync(0);
        read.IsCompleted.Should().BeFalse();
        Task<bool> write = WriteAsync("x");

        (await read.Soon()).Should().BeEmpty();

        write.IsCompleted.Should().BeFalse();
        _handoff.Available.Should().Be(1);
        _handoff.Close();
        (await write.Soon()).Should().BeFalse();
    }

    [Fact]
    public async Task The_end_comes_after_the_last_byte_and_stays_even_if_it_is_closed_later()
    {
        Task<bool> write = WriteAsync("last");
        _handoff.Finish();

        (await ReadAsync(10).Soon()).Should().Be("last");
        (await write.Soon()).Should().BeTrue();
        (await ReadAsync(10).Soon()).Should().BeEmpty();
        _handoff.Close();
        (await ReadAsync(10).Soon()).Should().BeEmpty();
        (await WriteAsync("more").Soon()).Should().BeFalse();
    }

    [Fact]
    public async Task Closed_before_its_end_it_tells_both_sides()
    {
        Task<bool> write = WriteAsync("nobody reads this");

        _handoff.Close();
        _handoff.Close();

        (await write.Soon()).Should().BeFalse();
        (await ReadAsync(10).Soon()).Should().BeNull();
        (await WriteAsync("more").Soon()).Should().BeFalse();
    }

    [Fact]
    public async Task Closed_while_a_read_waits_the_read_ends()
    {
        Task<string?> read = ReadAsync(10);

        _handoff.Close();

        (await read.Soon()).Should().BeNull();
    }

    [Fact]
    public async Task A_write_that_is_cancelled_takes_back_what_is_left_of_it()
    {
        using var cancel = new CancellationTokenSource();
        Task<bool> write = _handoff.WriteAsync("hello"u8.ToArray(), cancel.Token).AsTask();
        (await ReadAsync(1)).Should().Be("h");

        await cancel.CancelAsync();

        await write.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();
        _handoff.Available.Should().Be(0);
        Task<bool> next = WriteAsync("!");
        (await ReadAsync(10)).Should().Be("!");
        (await next.Soon()).Should().BeTrue();
    }

    [Fact]
    public async Task A_read_that_is_cancelled_loses_nothing()
    {
        using var cancel = new CancellationTokenSource();
        Task<int?> read = _handoff.ReadAsync(new byte[10], cancel.Token).AsTask();
        await cancel.CancelAsync();
        await read.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();

        _ = WriteAsync("kept");

        (await ReadAsync(10).Soon()).Should().Be("kept");
    }

    [Fact]
    public async Task Two_writes_at_once_are_a_mistake()
    {
        Task<bool> first = WriteAsync("one");

        await this.Invoking(_ => WriteAsync("two")).Should().ThrowAsync<InvalidOperationException>();

        _handoff.Close();
        await first.Soon();
    }

    [Fact]
    public async Task Everything_arrives_in_order_whatever_the_sizes()
    {
        var random = new Random(1);
        byte[] sent = new byte[1_000_000];
        random.NextBytes(sent);
        Task writing = Task.Run(async () =>
        {
            var sizes = new Random(2);
            for (int at = 0; at < sent.Length;)
            {
                int length = Math.Min(sizes.Next(1, 20_000), sent.Length - at);
                (await _handoff.WriteAsync(sent.AsMemory(at, length), CancellationToken.None)).Should().BeTrue();
                at += length;
            }

            _handoff.Finish();
        });

        using var received = new MemoryStream();
        byte[] buffer = new byte[30_000];
        while (await _handoff.ReadAsync(buffer.AsMemory(0, random.Next(1, buffer.Length)), CancellationToken.None).Soon() is > 0 and int length)
        {
            received.Write(buffer, 0, length);
        }

        await writing.Soon();
        received.ToArray().AsSpan().SequenceEqual(sent).Should().BeTrue();
    }

    private Task<bool> WriteAsync(string text) => _handoff.WriteAsync(Encoding.UTF8.GetBytes(text), CancellationToken.None).AsTask();

    /// <summary>What one read brings; null when the connection was closed before its end.</summary>
    private async Task<string?> ReadAsync(int length)
    {
        byte[] buffer = new byte[length];
        return await _handoff.ReadAsync(buffer, CancellationToken.None) is { } read ? Encoding.UTF8.GetString(buffer, 0, read) : null;
    }
}
