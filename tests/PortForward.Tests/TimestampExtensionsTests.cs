using Microsoft.Extensions.Time.Testing;

namespace PortForward.Tests;

public sealed class TimestampExtensionsTests
{
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public void A_moment_lies_as_far_off_as_it_was_asked_for()
    {
        long moment = _clock.After(TimeSpan.FromSeconds(90));

        _clock.GetElapsedTime(_clock.GetTimestamp(), moment).Should().Be(TimeSpan.FromSeconds(90));
    }

    [Fact]
    public void A_moment_beyond_the_last_timestamp_is_never_past()
    {
        _clock.Advance(TimeSpan.FromDays(365));

        _clock.After(TimeSpan.MaxValue).Should().Be(long.MaxValue);
    }
}
