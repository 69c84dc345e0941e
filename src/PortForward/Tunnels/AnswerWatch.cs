namespace PortForward.Tunnels;

/// <summary>Finds the pairs of one tunnel that the pod does not answer. A runtime that is stuck may still answer PINGs.</summary>
internal sealed class AnswerWatch : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Func<bool> _isReading;
    private readonly Action<SpdyStreamPair> _onUnanswered;
    private readonly ITimer _timer;

    /// <summary>Guards the fields below it.</summary>
    private readonly Lock _gate = new();
    private readonly List<SpdyStreamPair> _waiting = [];
    private bool _isTimed;

    /// <summary>Creates one for a tunnel without pairs.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="isReading">Whether the tunnel waits for the pod, and not for a client that does not read.</param>
    /// <param name="onUnanswered">Called with each pair that has waited too long.</param>
    public AnswerWatch(TimeProvider time, Func<bool> isReading, Action<SpdyStreamPair> onUnanswered)
    {
        _isReading = isReading;
        _onUnanswered = onUnanswered;
        _timer = time.CreateTimer(static watch => ((AnswerWatch)watch!).Check(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Watches a pair that was just opened, until it is answered or has ended.</summary>
    public void Add(SpdyStreamPair pair)
    {
        lock (_gate)
        {
            Prune();
            _waiting.Add(pair);
            Schedule();
        }
    }

    public ValueTask DisposeAsync() => _timer.DisposeAsync();

    private void Check()
    {
        SpdyStreamPair[] unanswered;
        lock (_gate)
        {
            _isTimed = false;
            Prune();
            bool isReading = _isReading();
            unanswered = [.. _waiting.Where(pair => pair.AnswerWait.IsOver(canArrive: isReading && !pair.IsBehindOthers))];
            _waiting.RemoveAll(unanswered.Contains);
            Schedule();
        }

        Array.ForEach(unanswered, _onUnanswered);
    }

    /// <summary>Drops the pairs that need no watching any more; most are answered within milliseconds.</summary>
    private void Prune() => _waiting.RemoveAll(static pair => !pair.AwaitsAnswer);

    private void Schedule()
    {
        if (!_isTimed && _waiting.Count > 0)
        {
            _isTimed = true;
            _timer.Change(Interval, Timeout.InfiniteTimeSpan);
        }
    }
}
