namespace PortForward.Fuzzing.Support;

/// <summary>
/// A clock that jumps to the next timer whenever nothing else is to be done. Hours pass in milliseconds, always in the same way, as long as everything else
/// completes synchronously.
/// </summary>
internal sealed class VirtualTime : TimeProvider
{
    private static readonly DateTimeOffset Epoch = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The longest time that a real timer takes.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    private readonly PriorityQueue<(Timer Timer, int Setting), long> _due = new();
    private long _now;

    /// <summary>How much time has passed.</summary>
    public TimeSpan Elapsed => TimeSpan.FromTicks(_now);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _now;

    public override DateTimeOffset GetUtcNow() => Epoch + Elapsed;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Lets time pass until a task has ended, or nothing is due before a limit.</summary>
    /// <returns>Whether the task has ended.</returns>
    public bool RunUntil(Task task, TimeSpan limit)
    {
        while (!task.IsCompleted && _due.TryDequeue(out (Timer Timer, int Setting) next, out long at) && at <= limit.Ticks)
        {
            if (next.Timer.IsSet(next.Setting))
            {
                _now = Math.Max(_now, at);
                next.Timer.Fire();
            }
        }

        return task.IsCompleted;
    }

    private sealed class Timer(VirtualTime time, Action callback) : ITimer
    {
        private TimeSpan _period = Timeout.InfiniteTimeSpan;
        private int _setting;

        /// <summary>Whether it was neither changed nor stopped since.</summary>
        public bool IsSet(int setting) => setting == _setting;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(dueTime, Longest);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(period, Longest);
            _setting++;
            _period = period;
            Schedule(dueTime);
            return true;
        }

        public void Fire()
        {
            Schedule(_period > TimeSpan.Zero ? _period : Timeout.InfiniteTimeSpan);
            callback();
        }

        public void Dispose() => _setting++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Schedule(TimeSpan wait)
        {
            if (wait != Timeout.InfiniteTimeSpan)
            {
                time._due.Enqueue((this, _setting), time._now + wait.Ticks);
            }
        }
    }
}
