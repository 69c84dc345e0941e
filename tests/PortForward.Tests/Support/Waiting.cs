namespace PortForward.Tests.Support;

/// <summary>Bounds for awaits, so that a deadlock is a failed test and not a test run without end.</summary>
internal static class Waiting
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    public static Task Soon(this Task task) => task.WaitAsync(Limit);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Limit);

    public static Task Soon(this ValueTask task) => task.AsTask().WaitAsync(Limit);

    public static Task<T> Soon<T>(this ValueTask<T> task) => task.AsTask().WaitAsync(Limit);

    /// <summary>Yields until something that nothing announces has become true.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        long started = Environment.TickCount64;
        while (!condition())
        {
            if (Environment.TickCount64 - started > Limit.TotalMilliseconds)
            {
                throw new TimeoutException("The condition did not become true.");
            }

            await Task.Delay(1);
        }
    }
}
