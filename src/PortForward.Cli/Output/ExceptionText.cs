namespace PortForward.Cli.Output;

/// <summary>What is known of an exception, for people who look for a fault.</summary>
internal static class ExceptionText
{
    /// <summary>A line for the exception and each one behind it, followed by its stack. A message is one of these lines, whatever is in it.</summary>
    public static IEnumerable<string> Lines(Exception? exception)
    {
        for (string prefix = ""; exception is not null; exception = exception.InnerException, prefix = "caused by ")
        {
            yield return $"{prefix}{exception.GetType().FullName}: {exception.Message}";
            foreach (string line in exception.StackTrace?.Split('\n') ?? [])
            {
                yield return line.TrimEnd('\r');
            }
        }
    }
}
