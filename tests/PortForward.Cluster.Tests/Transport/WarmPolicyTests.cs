using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Transport;

public sealed class WarmPolicyTests
{
    private const int Size = 6;

    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly WarmPolicy _policy = new(Size);

    [Fact]
    public void Nothing_is_opened_before_the_start_is_over()
    {
        _policy.Use(Start);

        _policy.Plan(Start.AddSeconds(1), [], 0).Should().Be((0, null));
    }

    [Theory]
    [InlineData(0, 0, 0, 0.2)]
    [InlineData(0.1, 0, 0, 0.1)]
    [InlineData(0.2, 0, 6, null)]
    [InlineData(0.2, 4, 2, null)]
    [InlineData(5, 6, 0, null)]
    [InlineData(111, 0, 6, null)]
    [InlineData(112, 0, 0, null)]
    [InlineData(3600, 0, 0, null)]
    public void What_is_missing_is_opened_once_the_last_use_is_over_and_not_very_long_after_it(double seconds, int dialling, int dials, double? next) =>
        After(seconds, dialling: dialling).Should().Be((dials, Time(next)));

    [Theory]
    [InlineData(20, 0, 8)]
    [InlineData(27.5, 0, 0.5)]
    [InlineData(28, 6, 3)]
    [InlineData(30, 6, 1)]
    public void Connections_are_replaced_before_their_time_is_up(double age, int dials, double next) =>
        After(age, opened: [.. Enumerable.Repeat(0.0, Size)]).Should().Be((dials, Time(next)));

    [Fact]
    public void Those_that_are_replaced_are_kept_until_their_time_is_up()
    {
        After(28, dialling: 6, opened: [0, 0, 0, 0, 0, 0]).Should().Be((0, Time(3)));
        WarmPolicy.IsOver(Start, Start.AddSeconds(30.9)).Should().BeFalse();
        WarmPolicy.IsOver(Start, Start.AddSeconds(31)).Should().BeTrue();
    }

    [Fact]
    public void Two_minutes_after_the_last_use_none_is_left_and_each_cost_few_handshakes()
    {
        _policy.Begin(Start);
        var opened = new List<DateTimeOffset>();
        int handshakes = 0;
        DateTimeOffset lastLeft = Start;
        DateTimeOffset now = Start;
        while (now < Start.AddMinutes(10))
        {
            opened.RemoveAll(one => WarmPolicy.IsOver(one, now));
            lastLeft = opened.Count > 0 ? now : lastLeft;
            (int dials, TimeSpan? next) = _policy.Plan(now, opened, 0);
            handshakes += dials;
            opened.AddRange(Enumerable.Repeat(now, dials));
            opened.RemoveRange(0, Math.Max(0, opened.Count - Size));
            now += dials > 0 ? TimeSpan.FromMilliseconds(1) : next ?? TimeSpan.FromMinutes(1);
        }

        handshakes.Should().Be(4 * Size);
        lastLeft.Should().BeBefore(Start.AddMinutes(2)).And.BeAfter(Start.AddSeconds(110));
    }

    [Fact]
    public void A_use_begins_the_time_anew()
    {
        _policy.Begin(Start);
        _policy.Use(Start.AddMinutes(30));

        _policy.Plan(Start.AddMinutes(30).AddSeconds(1), [], 0).Dials.Should().Be(Size);
    }

    [Fact]
    public void Failures_are_followed_by_ever_longer_waits_until_a_connection_is_of_use()
    {
        _policy.Begin(Start);
        DateTimeOffset now = Start.AddSeconds(1);
        var waits = new List<double>();
        for (int i = 0; i < 9; i++)
        {
            _policy.Fail(now);
            _policy.Fail(now); // Of one incident.
            _policy.Use(now);
            TimeSpan wait = _policy.Plan(now, [], 0).Next!.Value;
            waits.Add(wait.TotalSeconds);
            now += wait;
            _policy.Plan(now, [], 0).Dials.Should().Be(Size);
        }

        waits.Should().Equal(1, 2, 4, 8, 16, 32, 60, 60, 60);
        _policy.Succeed();
        _policy.Fail(now);
        _policy.Plan(now, [], 0).Next.Should().Be(WarmPolicy.FirstDelay);
    }

    [Theory]
    [InlineData(27, true)]
    [InlineData(28, false)]
    [InlineData(32, false)]
    public void An_end_counts_as_a_failure_only_before_its_time(double age, bool waits)
    {
        _policy.Begin(Start);
        DateTimeOffset now = Start.AddSeconds(age);

        _policy.End(Start, now);

        _policy.Plan(now, [], 0).Dials.Should().Be(waits ? 0 : Size);
    }

    [Fact]
    public void A_computer_that_has_slept_has_none_left()
    {
        DateTimeOffset morning = Start.AddHours(9);

        WarmPolicy.IsOver(Start, morning).Should().BeTrue();
        After(9 * 3600, opened: [0]).Dials.Should().Be(0);
    }

    [Fact]
    public void A_clock_that_was_set_back_by_years_is_survived()
    {
        _policy.Begin(Start);
        _policy.Fail(Start);
        DateTimeOffset past = Start.AddYears(-5);

        _policy.Plan(past, [Start], 0).Next.Should().Be(WarmPolicy.LongestDelay);
        _policy.Use(past);
        _policy.Plan(past.AddSeconds(1), [], 0).Dials.Should().Be(Size);
    }

    private static TimeSpan? Time(double? seconds) => seconds is { } value ? TimeSpan.FromSeconds(value) : null;

    private (int Dials, TimeSpan? Next) After(double seconds, int dialling = 0, params double[] opened)
    {
        _policy.Begin(Start);
        return _policy.Plan(Start.AddSeconds(seconds), [.. opened.Select(Start.AddSeconds)], dialling);
    }
}
