namespace PortForward.Tunnels;

/// <summary>Decides when a pair has waited too long for the pod's first answer. Only time in which an answer could have come counts.</summary>
/// <param name="time">The clock.</param>
/// <param name="limit">How long the pod may take.</param>
internal sealed class AnswerWait(TimeProvider time, TimeSpan limit)
{
    /// <summary>The most that counts between two checks, which come every second: the system may have slept, or the program may have been stopped.</summary>
    private static readonly TimeSpan LongestStep = TimeSpan.FromSeconds(2);

    private long _checkedAt = time.GetTimestamp();
    private long _waitedTicks;

    /// <summary>How long the pair had waited at the last check.</summary>
    public TimeSpan Waited => TimeSpan.FromTicks(Interlocked.Read(ref _waitedTicks));

    /// <summary>Counts the time since the last check, and says whether the limit is reached.</summary>
    /// <param name="canArrive">Whether an answer could have arrived in that time.</param>
    public bool IsOver(bool canArrive)
    {
        long now = time.GetTimestamp();
        TimeSpan step = time.GetElapsedTime(_checkedAt, now);
        _checkedAt = now;
        if (canArrive)
        {
            Interlocked.Add(ref _waitedTicks, (step < LongestStep ? step : LongestStep).Ticks);
        }

        return Waited >= limit;
    }
}
