using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace PortForward.Cli.Output;

/// <summary>
/// Messages for the user as they are; diagnostics with the time, the level's letter and the place they come from, as kubectl's. On a
/// terminal the line that says what is waited for stays one line, rewritten until something else is said.
/// </summary>
internal sealed class LineFormatter(TimeProvider time, bool isTerminal) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "line";

    private const string BackToStart = "\r\u001b[K";

    private readonly Lock _gate = new();
    private bool _isWaiting;

    public LineFormatter()
        : this(TimeProvider.System, IsTerminal())
    {
    }

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        string message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        bool isUsers = logEntry.Category == Stderr.UserCategory;
        lock (_gate)
        {
            if (_isWaiting)
            {
                textWriter.Write(BackToStart);
            }

            _isWaiting = isTerminal && isUsers && logEntry.EventId.Id == UserMessages.WaitingId;
            if (_isWaiting)
            {
                // A line that is wrapped cannot be taken back.
                int width = Math.Max(20, Console.BufferWidth - 1);
                textWriter.Write(message.Length <= width ? message : string.Concat(message.AsSpan(0, width - 1), "…"));
                return;
            }
        }

        if (!isUsers)
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

    /// <summary>Whether stderr is a terminal that understands control sequences; older consoles of Windows do not by themselves.</summary>
    private static bool IsTerminal() => !Console.IsErrorRedirected
        && (OperatingSystem.IsWindows() ? Environment.GetEnvironmentVariable("WT_SESSION") is not null : Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb"));

    private static char LevelLetter(LogLevel level) => level.ToString()[0];

    private static string ShortCategory(string category) => category[(category.LastIndexOf('.') + 1)..];
}
