using System.Diagnostics;
using System.Runtime.InteropServices;

namespace PortForward.Benchmarks.Network;

/// <summary>
/// Wakes its waiters at given moments, some 0.1 ms late at most: the runtime's own timers count in whole milliseconds, which is too coarse
/// beside a connection that is opened in one.
/// </summary>
internal sealed partial class DelayClock : IDisposable
{
    /// <summary>The longest sleep: somebody may come meanwhile who is due earlier.</summary>
    private static readonly TimeSpan LongestSleep = TimeSpan.FromMilliseconds(0.5);

    private readonly PriorityQueue<TaskCompletionSource, long> _waiters = new();
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _anybody = new(0);
    private volatile bool _disposed;

    public DelayClock() => new Thread(Run) { IsBackground = true, Priority = ThreadPriority.AboveNormal, Name = "delays" }.Start();

    /// <summary>Waits for a moment.</summary>
    /// <param name="due">The moment, as <see cref="Stopwatch.GetTimestamp"/> counts. One that has passed is not waited for.</param>
    public Task UntilAsync(long due)
    {
        if (due <= Stopwatch.GetTimestamp())
            return Task.CompletedTask;

        var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
            _waiters.Enqueue(waiter, due);
        _anybody.Release();
        return waiter.Task;
    }

    /// <summary>Ends the clock; whoever still waits is woken.</summary>
    public void Dispose()
    {
        _disposed = true;
        _anybody.Release();
    }

    private void Run()
    {
        while (true)
        {
            _anybody.Wait();
            if (!TryTakeFirst(out var first))
                return;
            first.SetResult();
        }
    }

    /// <summary>Sleeps until the first of those who wait is due; false at the end of the clock.</summary>
    private bool TryTakeFirst(out TaskCompletionSource first)
    {
        while (true)
        {
            TimeSpan remaining;
            lock (_gate)
            {
                if (!_waiters.TryPeek(out first!, out var due))
                    return false;
                remaining = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
                if (remaining <= TimeSpan.Zero || _disposed)
                {
                    _waiters.Dequeue();
                    return true;
                }
            }

            Sleep(remaining < LongestSleep ? remaining : LongestSleep);
        }
    }

    private static void Sleep(TimeSpan time)
    {
        if (OperatingSystem.IsWindows())
        {
            Thread.Sleep(time);
            return;
        }

        var request = new TimeSpec { Nanoseconds = (long)time.TotalNanoseconds };
        _ = NanoSleep(in request, 0);
    }

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    private static partial int NanoSleep(in TimeSpec request, nint remaining);

    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
