using System.Runtime.InteropServices;

namespace PortForward.Cli.Startup;

/// <summary>
/// Gives memory back to the system once a burst of connections is over. The runtime would do so when it needs memory the next time, and the system's allocator, which
/// has what TLS needed, never.
/// </summary>
internal sealed class MemoryRelease : IDisposable
{
    /// <summary>How long after the burst. Its idle tunnels are kept for 50 s at most.</summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromSeconds(55);

    /// <summary>How many connections make a burst: after fewer there is less to give back than it takes to find out.</summary>
    public const int Burst = 32;

    private readonly TimeProvider _time;
    private readonly Action _release;
    private readonly ITimer _timer;

    /// <summary>Guards the fields below it.</summary>
    private readonly Lock _gate = new();
    private int _ended;
    private long _lastBurst;
    private bool _isDue;

    /// <summary>Begins to count.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="release">Gives the memory back; <see cref="ToSystem"/> but in tests.</param>
    public MemoryRelease(TimeProvider time, Action release)
    {
        _time = time;
        _release = release;
        _timer = time.CreateTimer(static self => ((MemoryRelease)self!).Check(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>A connection has ended.</summary>
    public void ConnectionEnded()
    {
        lock (_gate)
        {
            if (++_ended % Burst != 0)
            {
                return;
            }

            _lastBurst = _time.GetTimestamp();
            if (!_isDue)
            {
                _isDue = true;
                _timer.Change(Quiet, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>Collects all garbage, and has runtime and allocator give back what they hold.</summary>
    public static unsafe void ToSystem()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);

        // Only glibc keeps what was freed, and only there is it asked for it: other systems have no such function.
        if (OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libc.so.6", out nint library) && NativeLibrary.TryGetExport(library, "malloc_trim", out nint trim))
        {
            _ = ((delegate* unmanaged<nuint, int>)trim)(0);
        }
    }

    public void Dispose() => _timer.Dispose();

    private void Check()
    {
        lock (_gate)
        {
            TimeSpan rest = Quiet - _time.GetElapsedTime(_lastBurst);
            if (rest > TimeSpan.Zero)
            {
                _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(rest.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
                return;
            }

            _isDue = false;
        }

        _release();
    }
}
