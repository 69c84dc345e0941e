namespace PortForward.Tunnels.Pool;

/// <summary>
/// Decides when a pool dials: counts and the clock go in, the number of dials and the time of the next review come out. It knows no tunnel, task or lock;
/// the pool's lock guards it.
/// </summary>
/// <remarks>
/// Each waiter has a dial under way, or a tunnel that is expected back as others came back lately. Beside them a minimum of idle tunnels is dialled in advance, so
/// that the next connection finds one; it grows with each connection that had to wait for a dial of its own, and halves while none has to.
/// </remarks>
/// <param name="options">The limits and the clock.</param>
internal sealed class DialPolicy(TunnelPoolOptions options)
{
    /// <summary>How long connections share tunnels after a dial that failed, before one of them dials again, if the server does not ask for longer.</summary>
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    /// <summary>Upper bound on how long one return predicts another; otherwise the last dial time.</summary>
    private static readonly TimeSpan LongestForecast = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How long it takes from one dial to the next while connections wait for tunnels to come back. (HTTP requests of 100 clients, each on a connection of its
    /// own, took 205 to 245
    /// dials in the first five seconds with one for each that waited, and 110 to 175 with this.)
    /// </summary>
    private static readonly TimeSpan DialPace = TimeSpan.FromMilliseconds(500);

    /// <summary>Timers round anything shorter down to zero.</summary>
    private static readonly TimeSpan ShortestReview = TimeSpan.FromMilliseconds(1);

    private readonly TimeProvider _time = options.Time;

    /// <summary>When tunnels came back, the earliest first, as timestamps of the clock.</summary>
    private readonly Queue<long> _returns = new();

    /// <summary>How long the last dial took that brought a tunnel, as the dialer has it: one that had begun before it was asked takes next to nothing.</summary>
    private TimeSpan _dialTime;

    /// <summary>From when on another dial is begun for those who wait for tunnels to come back, as a timestamp of the clock.</summary>
    private long _dialDueAt = long.MinValue;

    /// <summary>When to dial again for a connection that may share tunnels meanwhile, as a timestamp of the clock.</summary>
    private long _retryAt = long.MinValue;
    private bool _missedSinceReview;

    /// <summary>How many idle tunnels are kept; at least one once a tunnel has been needed.</summary>
    public int MinimumIdle { get; private set; } = 1;

    /// <summary>A connection has come and found no idle tunnel. If it needs a dial of its own, more idle tunnels are kept for a while.</summary>
    public void Missed(DialDemand demand)
    {
        if (demand.Waiters > demand.Dialling + ExpectedReturns(demand))
        {
            _missedSinceReview = true;
            MinimumIdle = Math.Min(MinimumIdle + 1, Math.Max(1, options.MaxSpares));
        }
    }

    /// <summary>A tunnel has come back from a connection that it has served.</summary>
    public void Returned() => _returns.Enqueue(_time.GetTimestamp());

    /// <summary>A tunnel has ended by itself: those that came back before say nothing of what will.</summary>
    public void Lost() => _returns.Clear();

    /// <summary>A dial has brought a tunnel.</summary>
    public void Established(TimeSpan dialTime)
    {
        _retryAt = long.MinValue;
        _dialTime = dialTime;
    }

    /// <summary>A dial has failed while there are tunnels to share: a server that wants no more of them is a limit like ours.</summary>
    public void Refused(TunnelFault fault) => _retryAt = _time.After(fault.RetryAfter is { } asked && asked > RetryDelay ? asked : RetryDelay);

    /// <summary>An idle time is over: fewer idle tunnels are kept unless connections had to wait in it.</summary>
    public void ShrinkMinimumIdle()
    {
        MinimumIdle = _missedSinceReview ? MinimumIdle : Math.Max(1, MinimumIdle / 2);
        _missedSinceReview = false;
    }

    /// <summary>Whether there may be another dial: the limit allows it, and the server wants it or else nobody could be served.</summary>
    public bool MayDial(DialDemand demand) => HasRoom(demand) && (_time.GetTimestamp() >= _retryAt || !demand.CanShare);

    /// <summary>Whether the limit allows another tunnel.</summary>
    public bool HasRoom(DialDemand demand) => demand.Occupied + demand.Dialling < options.MaxTunnels;

    /// <summary>How many of the waiters will be served by a dial that is under way, or by a tunnel that comes back. Only those behind them share tunnels.</summary>
    public int ExpectedTunnels(DialDemand demand) => demand.Dialling + (MayDial(demand) ? ExpectedReturns(demand) : 0);

    /// <summary>Says how many dials to begin now; they count as begun.</summary>
    public DialPlan Plan(DialDemand demand)
    {
        int before = demand.Dialling;
        TimeSpan? review = null;
        demand = ForWaiters(demand, ref review);
        if (demand.Prewarm)
        {
            demand = InAdvance(demand, ref review);
        }

        if (demand is { ReplaceLast: true, HasTunnels: false, Dialling: 0 })
        {
            demand = Begin(demand);
        }

        return new DialPlan(demand.Dialling - before, review);
    }

    /// <summary>
    /// A dial, or a tunnel that is expected back, for each waiter, and a dial for those who only want to know of a tunnel. One more dial is begun from time to time as
    /// long as somebody waits: however fast tunnels come back, there are fewer than it takes then.
    /// </summary>
    private DialDemand ForWaiters(DialDemand demand, ref TimeSpan? review)
    {
        bool isWanted = demand.Connecting > 0 || (demand.Waiters > 0 && IsDialDue);
        int wanted = Math.Max(demand.Waiters - ExpectedReturns(demand), isWanted ? 1 : 0);
        while (demand.Dialling < wanted && MayDial(demand))
        {
            demand = Begin(demand);
        }

        if (demand.Waiters > demand.Dialling)
        {
            review = UntilReview ?? review;
        }

        return demand;
    }

    /// <summary>
    /// The minimum of idle tunnels, once one has shown that the pod can be reached. As long as tunnels come back it takes but one, and not all the time; afterwards it
    /// is made up for.
    /// </summary>
    private DialDemand InAdvance(DialDemand demand, ref TimeSpan? review)
    {
        if (!demand.HasTunnels)
        {
            return demand;
        }

        int returns = ExpectedReturns(demand);
        if (returns > 0 && !IsDialDue)
        {
            review = UntilReview ?? review;
            return demand;
        }

        int wanted = Math.Min(returns > 0 ? 1 : MinimumIdle, options.MaxSpares);
        int claimed = Math.Max(0, demand.Waiters - returns);
        while (demand.Idle + demand.Dialling - claimed < wanted && MayDial(demand))
        {
            demand = Begin(demand);
        }

        return demand;
    }

    private DialDemand Begin(DialDemand demand)
    {
        _dialDueAt = _time.After(DialPace);
        return demand with { Dialling = demand.Dialling + 1 };
    }

    /// <summary>Whether the last dial was long ago, for those who could do without one for a while.</summary>
    private bool IsDialDue => _time.GetTimestamp() >= _dialDueAt;

    /// <summary>For how long a tunnel that came back lets another one be expected.</summary>
    private TimeSpan Forecast => _dialTime < LongestForecast ? _dialTime : LongestForecast;

    /// <summary>
    /// How many tunnels are expected back within the time of a dial: as many as came back within the last such time, though no more than are in use. A waiter for one of
    /// them is served as soon as by a dial if that goes on, or that much later if it does not, and the servers are spared a handshake.
    /// </summary>
    private int ExpectedReturns(DialDemand demand)
    {
        while (_returns.TryPeek(out long returned) && _time.GetElapsedTime(returned) >= Forecast)
        {
            _returns.Dequeue();
        }

        return Math.Min(_returns.Count, demand.Busy);
    }

    /// <summary>When fewer tunnels will be expected back, so that dials which were saved are made up for; null if none are expected.</summary>
    private TimeSpan? UntilReview
    {
        get
        {
            if (!_returns.TryPeek(out long oldest))
            {
                return null;
            }

            TimeSpan rest = Forecast - _time.GetElapsedTime(oldest);
            return rest > ShortestReview ? rest : ShortestReview;
        }
    }
}
