using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace PortForward.Cli.Output;

/// <summary>
/// Messages for the user as they are; diagnostics with the time, the level's letter and the place they come from, as kubectl's.
/// </summary>
internal sealed class LineFormatter(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "line";

    public LineFormatter()
        : this(TimeProvider.System)
    {
    }

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        string message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        if (logEntry.Category != Stderr.UserCategory)
        {
            string now = time.GetLocalNow().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
            textWriter.Write($"{LevelLetter(logEntry.LogLevel)} {now} {ShortCategory(logEntry.Category)}: ");
        }

        textWriter.WriteLine(message);
        if (logEntry.Exception is not null)
        {
            textWriter.WriteLine(logEntry.Exception);
        }
    }

    private static char LevelLetter(LogLevel level) => level.ToString()[0];

    private static string ShortCategory(string category) => category[(category.LastIndexOf('.') + 1)..];
}
