using PortForward.Forwarding;

namespace PortForward.Tests.Forwarding;

public sealed class HeldBytesTests
{
    private readonly HeldBytes _held = new();

    [Fact]
    public void What_was_appended_is_held_in_order()
    {
        _held.All!.Value.Length.Should().Be(0);

        _held.Append("one "u8);
        _held.Append([]);
        _held.Append("two"u8);

        _held.All!.Value.ToArray().Should().Equal("one two"u8.ToArray());
    }

    [Fact]
    public void Up_to_the_capacity_is_held()
    {
        _held.Append(new byte[HeldBytes.Capacity - 1]);
        _held.Append([1]);

        _held.All!.Value.Length.Should().Be(HeldBytes.Capacity);
    }

    [Fact]
    public void Too_much_is_let_go_for_good_and_is_not_the_same_as_nothing()
    {
        _held.Append(new byte[HeldBytes.Capacity]);
        _held.Append([1]);

        _held.All.HasValue.Should().BeFalse();
        _held.Append([2]);
        _held.All.HasValue.Should().BeFalse();
    }

    [Fact]
    public void What_was_released_is_not_held_any_more()
    {
        _held.Append([1]);
        _held.Release();

        _held.All.HasValue.Should().BeFalse();
    }
}
