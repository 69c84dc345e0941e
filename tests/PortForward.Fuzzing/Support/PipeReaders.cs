using System.IO.Pipelines;

namespace PortForward.Fuzzing.Support;

internal static class PipeReaders
{
    /// <summary>Reads up to the end, all of which is in the result.</summary>
    public static async Task<ReadResult> ReadToEndAsync(this PipeReader reader)
    {
        while (true)
        {
            ReadResult result = await reader.ReadAsync();
            if (result.IsCompleted)
            {
                return result;
            }

            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }
}
