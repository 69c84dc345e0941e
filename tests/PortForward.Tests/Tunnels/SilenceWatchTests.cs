using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

public sealed class SilenceWatchTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5), TimeLimit = TimeSpan.FromSeconds(15);

    private readonly SleepyTime _time = new();
    private readonly SilenceWatch _watch;
    private long _received;

    public SilenceWatchTests() => _watch = new SilenceWatch(_time, Interval, TimeLimit);

    /// <summary>Looks five seconds apart. b: bytes came before it; -: none; r: none, as this side did not read; z: none, and the system slept.</summary>
    [Theory]
    [InlineData("b b b b", "None None None None")]
    [InlineData("- - -", "None Begun TimedOut")]
    [InlineData("b - - -", "None Begun TimedOut TimedOut")]
    [InlineData("b - b - -", "None Begun None Begun TimedOut")]
    [InlineData("b r r r - - -", "None None None None Begun Begun TimedOut")]
    [InlineData("b - - b", "None Begun TimedOut None")]
    [InlineData("b z b -", "None None None Begun")]
    [InlineData("b z -", "None None TimedOut")]
    public void A_peer_is_as_silent_as_the_bytes_tell(string looks, string silences)
    {
        string.Join(' ', looks.Split(' ').Select(look => Look(look[0], Interval))).Should().Be(silences);
    }

    [Theory]
    [InlineData(4.99)]
    [InlineData(5.01)]
    public void A_timer_that_is_early_or_late_costs_no_further_interval(double interval)
    {
        Silence[] silences = [.. "b--".Select(look => Look(look, TimeSpan.FromSeconds(interval)))];

        silences.Should().Equal(Silence.None, Silence.Begun, Silence.TimedOut);
    }

    private Silence Look(char look, TimeSpan after)
    {
        _time.Slept += look == 'z' ? TimeSpan.FromHours(8) : TimeSpan.Zero;
        _time.Advance(after);
        _received += look == 'b' ? 100 : 0;
        return _watch.Check(_received, isReading: look != 'r');
    }
}
