namespace PortForward.Tunnels;

/// <summary>How silent a peer is.</summary>
internal enum Silence
{
    /// <summary>Something was received since the last check, or this side was not reading.</summary>
    None,

    /// <summary>Nothing was received since the last check.</summary>
    Begun,

    /// <summary>Nothing was received for the whole timeout.</summary>
    TimedOut,
}

/// <summary>Decides how silent a peer is. It is called once per interval, and the peer is pinged after each check.</summary>
/// <param name="time">The clock.</param>
/// <param name="interval">The time between two checks.</param>
/// <param name="timeout">After how long without a byte a peer counts as dead.</param>
internal sealed class SilenceWatch(TimeProvider time, TimeSpan interval, TimeSpan timeout)
{
    /// <summary>How far the wall clock may get ahead of the steady clock, which on Linux stops while the system sleeps.</summary>
    private static readonly TimeSpan MaxClockDrift = TimeSpan.FromSeconds(2);

    private long _receivedAt = time.GetTimestamp();
    private long _checkedAt = time.GetTimestamp();
    private DateTimeOffset _checkedAtWallClock = time.GetUtcNow();
    private long _received;
    private bool _hasChecked;

    /// <summary>How many bytes had been received at the last check.</summary>
    public long Received => Volatile.Read(ref _received);

    /// <summary>Checks whether anything was received since the last check.</summary>
    /// <param name="received">How many bytes have been received so far.</param>
    /// <param name="isReading">Whether this side waits for the peer, and not for a client that does not read.</param>
    public Silence Check(long received, bool isReading)
    {
        long now = time.GetTimestamp();
        DateTimeOffset wallClock = time.GetUtcNow();
        TimeSpan sinceCheck = time.GetElapsedTime(_checkedAt, now);
        bool slept = wallClock - _checkedAtWallClock - sinceCheck > MaxClockDrift || sinceCheck >= 2 * interval;
        Silence silence = Silence.None;
        if (received != _received || !isReading)
        {
            // The bytes arrived after the last ping.
            _receivedAt = received != _received ? _checkedAt : now;
            Volatile.Write(ref _received, received);
        }
        else if (!slept)
        {
            // Timers are some milliseconds early or late, which must not cost another interval.
            silence = time.GetElapsedTime(_receivedAt, now) + (interval / 2) >= timeout ? Silence.TimedOut
                : _hasChecked ? Silence.Begun
                : Silence.None; // Nobody has pinged the peer yet.
        }

        if (slept)
        {
            // The system slept, or the program was stopped. What was received before proves nothing, so the next ping alone decides.
            _receivedAt = now - (long)((timeout - interval).TotalSeconds * time.TimestampFrequency);
        }

        _hasChecked = true;
        _checkedAt = now;
        _checkedAtWallClock = wallClock;
        return silence;
    }
}
