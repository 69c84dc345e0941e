namespace PortForward.Tests.Support;

/// <summary>A clock whose timers fire one at a time, each followed by a rest, so that what they cause cannot overlap.</summary>
internal sealed class SteppedTime : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<SteppedTimer> _timers = [];
    private long _now;
    private long _created;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref _now);

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(GetTimestamp());

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new SteppedTimer(this, callback, state, Interlocked.Increment(ref _created));
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Lets time pass.</summary>
    /// <param name="span">How much.</param>
    /// <param name="rest">Called after each timer that has fired.</param>
    public void Advance(TimeSpan span, Action rest)
    {
        long until = GetTimestamp() + span.Ticks;
        while (true)
        {
            SteppedTimer? next;
            lock (_gate)
            {
                next = _timers.Where(timer => timer.DueAt <= until).OrderBy(timer => timer.DueAt).ThenBy(timer => timer.Order).FirstOrDefault();
                if (next is null)
                {
                    Interlocked.Exchange(ref _now, until);
                    return;
                }

                Interlocked.Exchange(ref _now, Math.Max(_now, next.DueAt));
                next.Reschedule();
            }

            next.Fire();
            rest();
        }
    }

    private sealed class SteppedTimer(SteppedTime time, TimerCallback callback, object? state, long order) : ITimer
    {
        private long _period = Timeout.InfiniteTimeSpan.Ticks;

        public long Order => order;

        public long DueAt { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._gate)
            {
                time._timers.Remove(this);
                _period = period.Ticks;
                if (dueTime >= TimeSpan.Zero)
                {
                    DueAt = time.GetTimestamp() + dueTime.Ticks;
                    time._timers.Add(this);
                }

                return true;
            }
        }

        /// <summary>Called with the gate held.</summary>
        public void Reschedule()
        {
            if (_period > 0)
            {
                DueAt += _period;
            }
            else
            {
                time._timers.Remove(this);
            }
        }

        public void Fire() => callback(state);

        public void Dispose()
        {
            lock (time._gate)
            {
                time._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
