using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Authentication;

namespace PortForward.Cluster.Tests.Authentication;

public sealed class RenewalPaceTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly RenewalPace _pace;

    public RenewalPaceTests() => _pace = new RenewalPace(_time);

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 10)]
    [InlineData(2, 20)]
    [InlineData(3, 40)]
    [InlineData(6, 320)]
    [InlineData(7, 600)]
    [InlineData(1000, 600)]
    public void The_wait_doubles_from_10_seconds_to_10_minutes(int failures, int seconds) => RenewalPace.Wait(failures).Should().Be(TimeSpan.FromSeconds(seconds));

    [Theory]
    [InlineData(1, false, false, 10)]
    [InlineData(1, false, true, 10)]
    [InlineData(1, true, false, null)]
    [InlineData(1, true, true, 30)]
    [InlineData(3, false, false, 40)]
    [InlineData(3, false, true, 30)]
    [InlineData(9, false, false, 600)]
    [InlineData(9, false, true, 30)]
    [InlineData(9, true, false, null)]
    [InlineData(9, true, true, 30)]
    public void After_a_failure_the_next_try_is_a_matter_of_who_waits_and_who_may_be_asked(int failures, bool asksPerson, bool clientWaits, int? seconds)
    {
        _pace.MayFetch(asksPerson, clientWaits).Should().BeTrue("nothing has failed yet");
        for (int i = 0; i < failures; i++)
        {
            _pace.Fail();
        }

        _time.Advance(TimeSpan.FromSeconds((seconds ?? 3600) - 1));
        _pace.MayFetch(asksPerson, clientWaits).Should().BeFalse();
        _time.Advance(TimeSpan.FromSeconds(1));
        _pace.MayFetch(asksPerson, clientWaits).Should().Be(seconds is not null);
    }

    [Fact]
    public void Success_is_the_end_of_it()
    {
        _pace.Fail();
        _pace.Succeed();

        _pace.MayFetch(asksPerson: true, clientWaits: false).Should().BeTrue("they may expire any time");
    }

    [Fact]
    public void What_is_refused_at_once_is_fetched_once_more_and_then_no_success()
    {
        for (int i = 0; i < 3; i++)
        {
            _pace.Fail();
        }

        _pace.Succeed();
        _pace.Refuse();
        _pace.MayFetch(asksPerson: false, clientWaits: false).Should().BeTrue();
        _pace.Succeed();
        _pace.Refuse();

        _time.Advance(TimeSpan.FromSeconds(9));
        _pace.MayFetch(asksPerson: false, clientWaits: false).Should().BeFalse();
        _time.Advance(TimeSpan.FromSeconds(1));
        _pace.MayFetch(asksPerson: false, clientWaits: false).Should().BeTrue();
        _pace.Succeed();
        _pace.Refuse();
        _time.Advance(TimeSpan.FromSeconds(19));
        _pace.MayFetch(asksPerson: false, clientWaits: false).Should().BeFalse();
    }

    [Fact]
    public void What_is_refused_after_a_while_has_grown_old()
    {
        for (int i = 0; i < 20; i++)
        {
            _pace.Succeed();
            _time.Advance(TimeSpan.FromSeconds(30));
            _pace.Refuse();
            _pace.MayFetch(asksPerson: true, clientWaits: false).Should().BeTrue();
        }
    }
}
