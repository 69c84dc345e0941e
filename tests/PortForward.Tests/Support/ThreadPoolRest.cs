using System.Diagnostics;

namespace PortForward.Tests.Support;

/// <summary>
/// Waits until the thread pool has nothing left to do, so that everything that a step has caused is done. Only for tests that run alone and on a thread
/// of their own.
/// </summary>
internal sealed class ThreadPoolRest
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>How many of the pool's threads are blocked for good: the test runner holds some.</summary>
    private int _blocked = int.MaxValue;

    public ThreadPoolRest()
    {
        var spin = new SpinWait();
        for (int i = 0; i < 2000; i++)
        {
            _blocked = Math.Min(_blocked, Working());
            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    public void Wait()
    {
        long began = Stopwatch.GetTimestamp();
        var spin = new SpinWait();
        int quiet = 0;
        long completed = -1;
        while (quiet < 3)
        {
            int working = Working();
            _blocked = Math.Min(_blocked, working);
            bool isQuiet = ThreadPool.PendingWorkItemCount == 0 && working == _blocked && ThreadPool.CompletedWorkItemCount == completed;
            quiet = isQuiet ? quiet + 1 : 0;
            completed = ThreadPool.CompletedWorkItemCount;
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
