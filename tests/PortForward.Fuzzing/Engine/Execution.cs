namespace PortForward.Fuzzing.Engine;

/// <summary>Runs a target once, within limits.</summary>
internal static class Execution
{
    /// <summary>A run takes milliseconds. This is long enough for a machine that does a lot besides.</summary>
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(30);

    /// <summary>Runs a target on an input.</summary>
    /// <returns>What is wrong; null if nothing is.</returns>
    public static Task<Finding?> TryAsync(FuzzTarget target, FuzzInput input) => TryAsync(target, input, TimeLimit);

    /// <summary>Runs a target on an input within a time.</summary>
    /// <returns>What is wrong; null if nothing is.</returns>
    public static async Task<Finding?> TryAsync(FuzzTarget target, FuzzInput input, TimeSpan limit)
    {
        long before = GC.GetTotalAllocatedBytes();
        try
        {
            Task run = Task.Run(() => target.RunAsync(input));
            if (await Task.WhenAny(run, Task.Delay(limit)) != run)
            {
                throw new FuzzFault("a run ends", $"not within {limit.TotalSeconds:0.#} s");
            }

            await run;
            long allocated = GC.GetTotalAllocatedBytes() - before;
            Require.That(allocated <= target.MaxAllocated, "memory is bounded", $"{allocated >> 20} MiB for {input.Bytes.Length} bytes");
            return null;
        }
        catch (Exception e)
        {
            return new Finding(e, input);
        }
    }
}
