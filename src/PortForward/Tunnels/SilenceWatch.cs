namespace PortForward.Tunnels;

/// <summary>How silent a peer is.</summary>
internal enum Silence
{
    /// <summary>It was heard lately, or this side was not reading and could hear nothing.</summary>
    None,

    /// <summary>Nothing was heard since the last look.</summary>
    Begun,

    /// <summary>Nothing was heard for the whole timeout.</summary>
    TimedOut,
}

/// <summary>Decides how silent a peer is. It is asked once per interval, and the peer is pinged after each look.</summary>
/// <param name="time">The clock.</param>
/// <param name="interval">How long it is from one look to the next.</param>
/// <param name="timeout">After how long without a byte a peer counts as dead.</param>
internal sealed class SilenceWatch(TimeProvider time, TimeSpan interval, TimeSpan timeout)
{
    /// <summary>How much more the wall clock may have moved than the steady one, which on Linux stands still while the system sleeps.</summary>
    private static readonly TimeSpan MaxClockDrift = TimeSpan.FromSeconds(2);

    private long _heardAt = time.GetTimestamp();
    private long _lookedAt = time.GetTimestamp();
    private DateTimeOffset _lookedAtWallClock = time.GetUtcNow();
    private long _received;
    private bool _hasLooked;

    /// <summary>How many bytes had been received at the last look.</summary>
    public long Received => Volatile.Read(ref _received);

    /// <summary>Looks whether the peer was heard since the last look.</summary>
    /// <param name="received">How many bytes have been received so far.</param>
    /// <param name="isReading">Whether this side waits for the peer, and not for a client that does not read.</param>
    public Silence Look(long received, bool isReading)
    {
        long now = time.GetTimestamp();
        DateTimeOffset wallClock = time.GetUtcNow();
        TimeSpan sinceLook = time.GetElapsedTime(_lookedAt, now);
        bool slept = wallClock - _lookedAtWallClock - sinceLook > MaxClockDrift || sinceLook >= 2 * interval;
        Silence silence = Silence.None;
        if (received != _received || !isReading)
        {
            // What was heard came after the last ping.
            _heardAt = received != _received ? _lookedAt : now;
            Volatile.Write(ref _received, received);
        }
        else if (!slept)
        {
            // Timers are some milliseconds early or late, which must not cost another interval.
            silence = time.GetElapsedTime(_heardAt, now) + (interval / 2) >= timeout ? Silence.TimedOut
                : _hasLooked ? Silence.Begun
                : Silence.None; // Nobody has pinged the peer yet.
        }

        if (slept)
        {
            // The system slept, or the program was stopped. What was heard before says nothing; the ping that follows is the only one.
            _heardAt = now - (long)((timeout - interval).TotalSeconds * time.TimestampFrequency);
        }

        _hasLooked = true;
        _lookedAt = now;
        _lookedAtWallClock = wallClock;
        return silence;
    }
}
