using Microsoft.Extensions.Logging;

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

    private readonly ILogger _stderr;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private readonly Dictionary<(int Port, string Reason), int> _counts = [];
    private bool _isOpen;

    public FailureDigest(ILogger stderr, TimeProvider time)
    {
        _stderr = stderr;
        _timer = time.CreateTimer(static digest => ((FailureDigest)digest!).Close(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Tells a failed connection, now or with the others of its kind.</summary>
    public void Add(long id, int localPort, string reason)
    {
        lock (_gate)
        {
            int count = _counts.GetValueOrDefault((localPort, reason)) + 1;
            _counts[(localPort, reason)] = count;
            if (count <= ToldSingly)
            {
                _stderr.ConnectionFailed(id, localPort, reason);
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
            foreach (((int port, string reason), int count) in _counts.Where(entry => entry.Value > ToldSingly))
            {
                _stderr.ConnectionsFailed(count - ToldSingly, port, reason);
            }

            _counts.Clear();
            _isOpen = false;
        }
    }
}
