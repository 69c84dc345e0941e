using Microsoft.Extensions.Time.Testing;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels.Pool;

public sealed class UnresponsiveProbeTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5), LivenessTimeout = TimeSpan.FromSeconds(15);

    private static readonly TunnelFault Unreachable = new(TunnelFaultKind.Unreachable, "no route to host");

    private readonly FakeTimeProvider _time = new();
    private readonly UnresponsiveProbe _probe;

    public UnresponsiveProbeTests() => _probe = new UnresponsiveProbe(_time, Interval);

    [Theory]
    [InlineData(true, false, true)]
    [InlineData(true, true, false)]
    [InlineData(false, false, false)]
    [InlineData(false, true, false)]
    public void Another_tunnel_is_dialled_when_one_is_silent_and_none_is_heard(bool anySilent, bool anyHeard, bool begins) =>
        _probe.TryBegin(anySilent, anyHeard).Should().Be(begins);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void There_is_one_dial_in_the_time_after_which_a_tunnel_counts_as_dead(bool found)
    {
        _probe.TryBegin(anySilent: true, anyHeard: false).Should().BeTrue();
        _probe.TryBegin(anySilent: true, anyHeard: false).Should().BeFalse("one is under way");
        _probe.End(found ? null : Unreachable);

        _time.Advance(LivenessTimeout - TimeSpan.FromSeconds(1));
        _probe.TryBegin(anySilent: true, anyHeard: false).Should().BeFalse();
        _time.Advance(TimeSpan.FromSeconds(1));
        _probe.TryBegin(anySilent: true, anyHeard: false).Should().BeTrue();
    }

    [Fact]
    public void What_was_found_out_counts_for_those_that_were_silent_then()
    {
        _probe.TryBegin(anySilent: true, anyHeard: false);
        _probe.Fault.Should().BeNull();

        _probe.End(Unreachable);
        _probe.Fault.Should().Be(Unreachable);
        _time.Advance(_probe.Limit);
        _probe.Fault.Should().Be(Unreachable, "the time of the last of them is up by then");
        _time.Advance(TimeSpan.FromMilliseconds(1));

        _probe.Fault.Should().BeNull();
    }

    [Fact]
    public void A_tunnel_that_is_established_is_a_later_answer()
    {
        _probe.TryBegin(anySilent: true, anyHeard: false);
        _probe.End(Unreachable);

        _probe.Established();

        _probe.Fault.Should().BeNull();
    }

    /// <summary>Plays tunnels whose pings lie anywhere in time, and a network that freezes at any moment.</summary>
    [Theory]
    [InlineData(15, 0.0)]
    [InlineData(15, 0.0, 1.2, 3.6)]
    [InlineData(15, 0.4, 0.8, 4.8)]
    [InlineData(3, 0.0)]
    [InlineData(3, 0.0, 0.4, 0.8)]
    public void However_pings_lie_in_time_it_is_known_a_second_after_the_timeout_that_all_tunnels_are_dead(int timeout, params double[] phases)
    {
        var interval = TimeSpan.FromSeconds(timeout / 3.0);
        for (int moment = 0; moment < 25; moment++)
        {
            var time = new FakeTimeProvider();
            var probe = new UnresponsiveProbe(time, interval);
            SilenceWatch[] watches = [.. phases.Select(_ => new SilenceWatch(time, interval, TimeSpan.FromSeconds(timeout)))];
            Silence[] silences = new Silence[phases.Length];
            TimeSpan step = interval / 25, frozen = (5 * interval) + (moment * step), now = TimeSpan.Zero, asked = TimeSpan.MaxValue;
            for (; probe.Fault is null || !Array.TrueForAll(silences, silence => silence == Silence.TimedOut); now += step)
            {
                time.Advance(step);
                for (int i = 0; i < phases.Length; i++)
                {
                    if ((int)Math.Round((now - TimeSpan.FromSeconds(phases[i])) / step) % 25 == 0)
                    {
                        silences[i] = watches[i].Check(now < frozen ? now.Ticks : frozen.Ticks, isReading: true);
                    }
                }

                if (probe.TryBegin(silences.Any(silence => silence != Silence.None), silences.Contains(Silence.None)))
                {
                    asked = now;
                }

                if (asked < now && now - asked >= probe.Limit)
                {
                    probe.End(Unreachable);
                    asked = TimeSpan.MaxValue;
                }

                now.Should().BeLessThan(frozen + TimeSpan.FromSeconds(60));
            }

            (now - frozen).Should().BeLessThanOrEqualTo(TimeSpan.FromSeconds(timeout + 1) + (3 * step));
        }
    }
}
