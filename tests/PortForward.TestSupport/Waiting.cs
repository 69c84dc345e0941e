using Microsoft.Extensions.Time.Testing;

namespace PortForward.TestSupport;

/// <summary>Bounds for awaits, so that a deadlock is a failed test and not a test run without end.</summary>
internal static class Waiting
{
    /// <summary>How long a test waits for what is to happen at once.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static Task Soon(this Task task) => task.WaitAsync(Patience);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Patience);

    public static Task Soon(this ValueTask task) => task.AsTask().WaitAsync(Patience);

    public static Task<T> Soon<T>(this ValueTask<T> task) => task.AsTask().WaitAsync(Patience);

    /// <summary>Waits until something that nothing announces has become true.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        long started = Environment.TickCount64;
        while (!condition())
        {
            if (Environment.TickCount64 - started > Patience.TotalMilliseconds)
            {
                throw new TimeoutException("The condition did not become true.");
            }

            await Task.Delay(1);
        }
    }

    /// <summary>Lets time pass until something that nothing announces has become true. What waits for the time may begin to do so only meanwhile.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="condition">What is to become true.</param>
    /// <param name="step">How much time passes at once; a second unless given.</param>
    public static Task AdvanceUntilAsync(this FakeTimeProvider time, Func<bool> condition, TimeSpan? step = null) => UntilAsync(() =>
    {
        time.Advance(step ?? TimeSpan.FromSeconds(1));
        return condition();
    });

    /// <summary>Lets time pass until a task has ended. What waits for the time may begin to do so only meanwhile.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="task">The task; its failure is thrown.</param>
    /// <param name="step">How much time passes at once; a second unless given.</param>
    /// <param name="pause">How long the real world gets for each step; a millisecond unless given.</param>
    public static async Task AdvanceUntilAsync(this FakeTimeProvider time, Task task, TimeSpan? step = null, TimeSpan? pause = null)
    {
        long started = Environment.TickCount64;
        while (!task.IsCompleted)
        {
            if (Environment.TickCount64 - started > Patience.TotalMilliseconds)
            {
                throw new TimeoutException("The task did not end.");
            }

            time.Advance(step ?? TimeSpan.FromSeconds(1));
            await Task.WhenAny(task, Task.Delay(pause ?? TimeSpan.FromMilliseconds(1)));
        }

        await task;
    }

    /// <summary>Lets time pass until a task has ended. What waits for the time may begin to do so only meanwhile.</summary>
    /// <returns>The task's result.</returns>
    /// <inheritdoc cref="AdvanceUntilAsync(FakeTimeProvider, Task, TimeSpan?, TimeSpan?)"/>
    public static async Task<T> AdvanceUntilAsync<T>(this FakeTimeProvider time, Task<T> task, TimeSpan? step = null, TimeSpan? pause = null)
    {
        await time.AdvanceUntilAsync((Task)task, step, pause);
        return await task;
    }
}
