namespace PortForward.Cluster.Authentication;

/// <summary>
/// When credentials may be fetched again after that was in vain: ever more seldom, since each time may open a browser, or count as a failed login that locks
/// an account in the end. Nothing is fetched by itself: somebody must need it.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class RenewalPace(TimeProvider time)
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(10);

    /// <summary>How often a client that waits may cause a try: the user may have logged in elsewhere meanwhile, and reloads the page.</summary>
    private static readonly TimeSpan ClientWait = TimeSpan.FromSeconds(30);

    /// <summary>How long credentials must have been in use before a refusal means that they have grown old, and not that fetching them does not help.</summary>
    private static readonly TimeSpan Proven = TimeSpan.FromSeconds(30);

    /// <summary>How often it was in vain, in a row.</summary>
    private int _failures;

    /// <summary>How often before the last success, which may turn out to be none.</summary>
    private int _failuresBefore;

    private bool _hasRepeated;
    private long _failedAt;
    private long _fetchedAt;

    /// <summary>How long to wait after a number of failures in a row: 10 s, 20 s, 40 s and so on, 10 minutes at most.</summary>
    public static TimeSpan Wait(int failures) => failures == 0 ? TimeSpan.Zero
        : TimeSpan.FromTicks(Math.Min(LongestWait.Ticks, FirstWait.Ticks << Math.Min(failures - 1, 16)));

    /// <summary>Whether to fetch credentials now.</summary>
    /// <param name="asksPerson">Whether somebody may be asked to log in; after a failure that is done only for a client that waits.</param>
    /// <param name="clientWaits">Whether a client waits.</param>
    public bool MayFetch(bool asksPerson, bool clientWaits)
    {
        TimeSpan since = time.GetElapsedTime(_failedAt);
        return _failures == 0 || (!asksPerson && since >= Wait(_failures)) || (clientWaits && since >= ClientWait);
    }

    /// <summary>Fetching has failed.</summary>
    public void Fail()
    {
        _failures++;
        _failedAt = time.GetTimestamp();
    }

    /// <summary>Credentials were fetched; whether they are any good is not known yet.</summary>
    public void Succeed()
    {
        _failuresBefore = _failures;
        _failures = 0;
        _fetchedAt = time.GetTimestamp();
    }

    /// <summary>
    /// The server has refused what was fetched last. The first time others are fetched at once, as after a long time; when these are refused at once too,
    /// that is a failure.
    /// </summary>
    public void Refuse()
    {
        bool isProven = time.GetElapsedTime(_fetchedAt) >= Proven;
        if (!isProven && _hasRepeated)
        {
            _failures = _failuresBefore;
            Fail();
        }

        _hasRepeated = !isProven || !_hasRepeated;
    }
}
