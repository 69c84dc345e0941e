using PortForward.Forwarding;

namespace PortForward.Tests.Forwarding;

public sealed class ReplayBufferTests
{
    private readonly ReplayBuffer _buffer = new();

    [Fact]
    public void What_was_appended_is_kept_in_order()
    {
        _buffer.All!.Value.Length.Should().Be(0);

        _buffer.Append("one "u8);
        _buffer.Append([]);
        _buffer.Append("two"u8);

        _buffer.All!.Value.ToArray().Should().Equal("one two"u8.ToArray());
    }

    [Fact]
    public void Up_to_the_capacity_is_kept()
    {
        _buffer.Append(new byte[ReplayBuffer.Capacity - 1]);
        _buffer.Append([1]);

        _buffer.All!.Value.Length.Should().Be(ReplayBuffer.Capacity);
    }

    [Fact]
    public void An_overflow_releases_the_buffer_for_good_and_is_not_the_same_as_nothing()
    {
        _buffer.Append(new byte[ReplayBuffer.Capacity]);
        _buffer.Append([1]);

        _buffer.All.HasValue.Should().BeFalse();
        _buffer.Append([2]);
        _buffer.All.HasValue.Should().BeFalse();
    }

    [Fact]
    public void What_was_released_is_not_kept_any_more()
    {
        _buffer.Append([1]);
        _buffer.Release();

        _buffer.All.HasValue.Should().BeFalse();
    }
}
