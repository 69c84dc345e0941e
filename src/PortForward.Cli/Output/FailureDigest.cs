using PortForward.Forwarding;

namespace PortForward.Cli.Output;

/// <summary>
/// Tells failed connections on stderr without flooding it: the first few of a kind one by one, the others together once the window
/// has passed. A page that is reloaded against an application that is down makes hundreds.
/// </summary>
internal sealed class FailureDigest : IDisposable
{
    /// <summary>How many of a kind are told one by one in a window.</summary>
    private const int ToldSingly = 3;

    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly Action<OutputEvent> _tell;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Port, string Reason), (int Count, ConnectionClosed Example)> _counts = [];
    private bool _isOpen;

    public FailureDigest(Action<OutputEvent> tell, TimeProvider time)
    {
        _tell = tell;
        _timer = time.CreateTimer(static digest => ((FailureDigest)digest!).Close(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Tells a failed connection, now or with the others of its kind.</summary>
    public void Add(ConnectionClosed closed, string reason)
    {
        lock (_gate)
        {
            (string Port, string Reason) kind = (closed.Port.Label, reason);
            int count = _counts.GetValueOrDefault(kind).Count + 1;
            _counts[kind] = (count, closed);
            if (count <= ToldSingly)
            {
                _tell(UserMessages.ConnectionFailed(closed, reason));
            }

            if (!_isOpen)
            {
                _isOpen = true;
                _timer.Change(Window, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>Tells what is still untold.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        Close();
    }

    private void Close()
    {
        lock (_gate)
        {
            foreach (((_, string reason), (int count, ConnectionClosed example)) in _counts.Where(entry => entry.Value.Count > ToldSingly))
            {
                _tell(UserMessages.ConnectionsFailed(count - ToldSingly, example, reason));
            }

            _counts.Clear();
            _isOpen = false;
        }
    }
}
