using System.Diagnostics;

namespace PortForward.Fuzzing.Engine;

/// <summary>Makes the input of a finding smaller, as long as it shows the same fault.</summary>
internal static class Reduction
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>Takes away halves, quarters and so on of the input, and keeps what still shows the fault.</summary>
    public static async Task<Finding> ReduceAsync(FuzzTarget target, Finding finding)
    {
        long started = Stopwatch.GetTimestamp();
        for (int size = finding.Input.Bytes.Length / 2; size > 0; size /= 2)
        {
            for (int at = 0; at < finding.Input.Bytes.Length && Stopwatch.GetElapsedTime(started) < Limit;)
            {
                byte[] bytes = finding.Input.Bytes;
                byte[] less = [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + size)..]];
                Finding? again = await Execution.TryAsync(target, new FuzzInput(less, finding.Input.IsRearranged));
                if (again?.Signature == finding.Signature)
                {
                    finding = again;
                }
                else
                {
                    at += size;
                }
            }
        }

        return finding;
    }
}
