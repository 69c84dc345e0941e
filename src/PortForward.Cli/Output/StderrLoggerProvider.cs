using Microsoft.Extensions.Logging;

namespace PortForward.Cli.Output;

/// <summary>Makes diagnostics of the libraries lines of stderr.</summary>
internal sealed class StderrLoggerProvider(Stderr stderr) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => new StderrLogger(stderr, categoryName);

    public void Dispose()
    {
        // stderr is disposed by its owner.
    }

    private sealed class StderrLogger(Stderr stderr, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            stderr.Tell(new OutputEvent(EventTypes.Log, logLevel, formatter(state, exception)) { Category = category, Reason = eventId.Name, Exception = exception });
    }
}
