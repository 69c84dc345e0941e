namespace PortForward.Cluster.Transport;

/// <summary>
/// Decides how many connections to a server are opened in advance, and when: facts and the clock go in, the number of dials comes out. It knows no connection, task
/// or lock; the lock of <see cref="WarmConnections"/> guards it.
/// </summary>
/// <remarks>
/// It goes by the date and not by a timestamp: a timestamp stands still while the computer sleeps, and whatever was open before is of no use after that. A clock
/// that is set back makes connections seem younger than they are, which the server ends, and puts off the next dials until somebody needs a connection.
/// </remarks>
/// <param name="size">How many are kept ready; 0 for none.</param>
internal sealed class WarmPolicy(int size)
{
    /// <summary>After how long a connection is replaced, so that its successor is there before its time is up.</summary>
    public static readonly TimeSpan RenewedAfter = TimeSpan.FromSeconds(28);

    /// <summary>How long a connection may be used. The API server closes one that has carried no request after 32 s (<c>ReadHeaderTimeout</c>).</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(31);

    /// <summary>For how long after the last use connections are opened: four times, so that the last ones end within two minutes.</summary>
    public static readonly TimeSpan KeptFor = 4 * RenewedAfter;

    /// <summary>How long nothing must have connected before anything is opened in advance: a burst has the processors to itself.</summary>
    public static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(200);

    /// <summary>The wait after the first failure; it doubles with each further one.</summary>
    public static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(1);

    /// <summary>The longest wait after failures.</summary>
    public static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(1);

    /// <summary>How many are kept ready.</summary>
    public int Size => size;

    private bool _hasBegun;
    private DateTimeOffset _lastUse;
    private DateTimeOffset _retryAt;
    private TimeSpan _delay;

    /// <summary>From now on connections are opened in advance.</summary>
    public void Begin(DateTimeOffset now)
    {
        _hasBegun = true;
        _lastUse = now;
    }

    /// <summary>Somebody needs a connection.</summary>
    public void Use(DateTimeOffset now) => _lastUse = now;

    /// <summary>One that was opened in advance was of use.</summary>
    public void Succeed() => _delay = TimeSpan.Zero;

    /// <summary>The server has ended a connection.</summary>
    public void End(DateTimeOffset opened, DateTimeOffset now)
    {
        if (now - opened < RenewedAfter)
        {
            Fail(now);
        }
    }

    /// <summary>A dial has failed, or a connection has ended before its time. Several that fail together count once.</summary>
    public void Fail(DateTimeOffset now)
    {
        if (now >= _retryAt)
        {
            _delay = _delay == TimeSpan.Zero ? FirstDelay
                : _delay * 2 < LongestDelay ? _delay * 2
                : LongestDelay;
            _retryAt = now + _delay;
        }
    }

    /// <summary>Whether a connection must not be used any more.</summary>
    public static bool IsOver(DateTimeOffset opened, DateTimeOffset now) => now - opened >= Lifetime;

    /// <summary>Says how many dials to begin now, and when the next plan is due.</summary>
    /// <param name="now">The date.</param>
    /// <param name="opened">When the connections that are ready were opened.</param>
    /// <param name="dialling">How many dials are under way.</param>
    /// <returns>The dials; and the time until the next plan, at most <see cref="LongestDelay"/>; null if none is due before something happens.</returns>
    public (int Dials, TimeSpan? Next) Plan(DateTimeOffset now, IReadOnlyCollection<DateTimeOffset> opened, int dialling)
    {
        _retryAt = _retryAt <= now + LongestDelay ? _retryAt : now; // The clock was set back.
        IEnumerable<DateTimeOffset> due = opened.Select(one => one + (IsFresh(one) ? RenewedAfter : Lifetime));
        int dials = 0;
        if (_hasBegun && now - _lastUse < KeptFor && opened.Count(IsFresh) + dialling < size)
        {
            DateTimeOffset earliest = _lastUse + Rest > _retryAt ? _lastUse + Rest : _retryAt;
            if (now >= earliest)
            {
                dials = size - opened.Count(IsFresh) - dialling;
            }
            else
            {
                due = due.Append(earliest);
            }
        }

        return (dials, due.Any() ? RoundUp(due.Min() - now) : null);

        bool IsFresh(DateTimeOffset one) => now - one < RenewedAfter;
    }

    /// <summary>A timer counts in milliseconds, and must not be early; nor may it wait for a date that a clock has made up.</summary>
    private static TimeSpan RoundUp(TimeSpan time) =>
        time < LongestDelay ? TimeSpan.FromMilliseconds(Math.Ceiling(time.TotalMilliseconds)) : LongestDelay;
}
