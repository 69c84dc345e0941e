using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace PortForward.Cli.Output;

/// <summary>The log formats of <c>--log-format</c>.</summary>
internal enum LogFormat
{
    /// <summary>Lines for people.</summary>
    Text,

    /// <summary>One JSON object a line.</summary>
    Json,
}

/// <summary>
/// Everything that goes to stderr: messages for the user and, when asked for, diagnostics of the libraries. One logger
/// factory serves both, so that they never mix within a line and take one format.
/// </summary>
internal static class Stderr
{
    /// <summary>The category of messages for the user.</summary>
    public const string UserCategory = "pf";

    /// <summary>Creates the factory. Disposing it writes what is still queued.</summary>
    /// <param name="format">Lines or objects.</param>
    /// <param name="diagnostics">From which level on the libraries are heard; None for not at all.</param>
    public static ILoggerFactory CreateLoggerFactory(LogFormat format, LogLevel diagnostics) => LoggerFactory.Create(logging =>
    {
        logging.SetMinimumLevel(LogLevel.Trace);
        logging.AddFilter((category, level) => string.Equals(category, UserCategory, StringComparison.Ordinal) || level >= diagnostics);
        logging.AddJsonConsole(json =>
        {
            json.UseUtcTimestamp = true;
            json.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
        });
        logging.Services.AddSingleton<ConsoleFormatter, LineFormatter>();
        logging.AddConsole(console =>
        {
            console.LogToStandardErrorThreshold = LogLevel.Trace;
            console.FormatterName = format == LogFormat.Json ? ConsoleFormatterNames.Json : LineFormatter.FormatterName;

            // A terminal that was stopped with Ctrl-S must not hold up a connection.
            console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
        });
    });
}
