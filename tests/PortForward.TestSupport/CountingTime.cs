using Microsoft.Extensions.Time.Testing;

namespace PortForward.TestSupport;

/// <summary>A clock of the test's that also knows whether somebody has begun to wait for it.</summary>
internal sealed class CountingTime : FakeTimeProvider
{
    private int _timers;

    public int Timers => Volatile.Read(ref _timers);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ITimer timer = base.CreateTimer(callback, state, dueTime, period);
        Interlocked.Increment(ref _timers);
        return timer;
    }
}
