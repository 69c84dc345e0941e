using System.Diagnostics;

namespace PortForward.Tests.Support;

/// <summary>
/// Waits until the thread pool has nothing left to do, so that everything that a step has caused is done. Only for tests that run alone and on a thread
/// of their own.
/// </summary>
internal sealed class ThreadPoolRest
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Calibration = TimeSpan.FromMilliseconds(100);

    /// <summary>After this time without any work, one more of the runner's threads is blocked than before.</summary>
    private static readonly TimeSpan Stillness = TimeSpan.FromSeconds(2);

    /// <summary>How many of the pool's threads are blocked for good: the test runner holds some.</summary>
    private int _blocked = int.MaxValue;

    public ThreadPoolRest()
    {
        // Long enough for what other tests have left to end.
        var spin = new SpinWait();
        for (long began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < Calibration;)
        {
            _blocked = Math.Min(_blocked, Working());
            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    public void Wait()
    {
        long began = Stopwatch.GetTimestamp();
        long stillSince = began;
        var spin = new SpinWait();
        int quiet = 0;
        long completed = -1;
        while (quiet < 3)
        {
            int working = Working();
            long completedNow = ThreadPool.CompletedWorkItemCount;
            bool isStill = ThreadPool.PendingWorkItemCount == 0 && completedNow == completed;
            stillSince = isStill ? stillSince : Stopwatch.GetTimestamp();
            completed = completedNow;
            _blocked = Stopwatch.GetElapsedTime(stillSince) > Stillness ? working : Math.Min(_blocked, working);
            quiet = isStill && working == _blocked ? quiet + 1 : 0;
            if (Stopwatch.GetElapsedTime(began) > Patience)
            {
                throw new TimeoutException($"The thread pool does not come to rest: {working} threads work, {_blocked} did at the least.");
            }

            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    private static int Working()
    {
        ThreadPool.GetMaxThreads(out int most, out _);
        ThreadPool.GetAvailableThreads(out int available, out _);
        return most - available;
    }
}
