namespace PortForward.Cluster.Authentication;

/// <summary>When to tell that a login is needed: at once, and then from time to time while it lasts, however many requests fail for want of it.</summary>
/// <param name="time">The clock.</param>
internal sealed class LoginNotice(TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    /// <summary>The least time between two notices, so that credentials that work and fail in turn do not fill the terminal.</summary>
    private static readonly TimeSpan ShortestInterval = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private long? _toldAt;
    private int _refusals;
    private bool _isFailing;

    /// <summary>There are no credentials.</summary>
    /// <returns>Whether to tell.</returns>
    public bool Fail()
    {
        lock (_gate)
        {
            TimeSpan interval = _isFailing ? Interval : ShortestInterval;
            _isFailing = true;
            if (_toldAt is { } told && time.GetElapsedTime(told) < interval)
            {
                return false;
            }

            _toldAt = time.GetTimestamp();
            return true;
        }
    }

    /// <summary>The server has refused the credentials. Once may be a gateway's whim: one transport is refused, and the next one works.</summary>
    /// <returns>Whether to tell.</returns>
    public bool Refuse()
    {
        lock (_gate)
        {
            return ++_refusals > 1 && Fail();
        }
    }

    /// <summary>The server has accepted the credentials.</summary>
    public void Accept()
    {
        lock (_gate)
        {
            _refusals = 0;
            _isFailing = false;
        }
    }
}
