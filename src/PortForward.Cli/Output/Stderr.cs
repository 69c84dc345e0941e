using Microsoft.Extensions.Logging;

namespace PortForward.Cli.Output;

/// <summary>
/// Everything that goes to stderr: messages for the user and, when asked for, diagnostics of the libraries. All of it passes through
/// <see cref="Tell(OutputEvent, ForwardIdentity)"/>, so that lines never mix and take one format.
/// </summary>
internal sealed class Stderr : IAsyncDisposable
{
    private readonly TextFormat _text;
    private readonly JsonFormat _json;
    private readonly LineWriter _writer;
    private readonly Lock _gate = new();

    /// <summary>Begins to write to stderr. Disposing it writes what is still queued.</summary>
    public Stderr(LogFormat format)
        : this(format, StandardStream.Error.Write, TimeProvider.System, IsTerminalNow())
    {
    }

    /// <summary>Begins to write elsewhere.</summary>
    internal Stderr(LogFormat format, Func<string, StreamFault?> write, TimeProvider time, bool isTerminal)
    {
        Format = format;
        IsTerminal = isTerminal;
        _text = new TextFormat(time, isTerminal);
        _json = new JsonFormat(time);
        _writer = new LineWriter(write, onFault: static _ => { }); // Nobody can be told, and it is no reason to end.
    }

    /// <summary>Whether a person reads it.</summary>
    public bool IsTerminal { get; }

    /// <summary>How lines are written from now on.</summary>
    public LogFormat Format { get; set; }

    /// <summary>The forward that events are about from now on, unless they say another one: the only one of the run.</summary>
    public ForwardIdentity? Forward { get; set; }

    /// <summary>Says something: the one place where lines leave the program for stderr.</summary>
    public void Tell(OutputEvent @event) => Tell(@event, forward: null);

    /// <summary>Says something of one forward of several. For people its name stands before the sentence.</summary>
    public void Tell(OutputEvent @event, ForwardIdentity? forward)
    {
        lock (_gate)
        {
            _writer.Write(Format == LogFormat.Json ? _json.Render(@event, forward ?? Forward)
                : _text.Render(forward is null ? @event : @event with { Message = $"{forward.Name}: {@event.Message}" }));
        }
    }

    /// <summary>Loggers for the libraries.</summary>
    /// <param name="level">From which level on they are heard.</param>
    public ILoggerFactory CreateLoggerFactory(LogLevel level) => new LoggerFactory([new StderrLoggerProvider(this)], new LoggerFilterOptions { MinLevel = level });

    /// <summary>Waits, bounded, until everything is written.</summary>
    public ValueTask DisposeAsync() => _writer.DisposeAsync();

    /// <summary>Whether stderr is a terminal that understands control sequences; older consoles of Windows do not by themselves.</summary>
    private static bool IsTerminalNow() => !Console.IsErrorRedirected
        && (OperatingSystem.IsWindows() ? Environment.GetEnvironmentVariable("WT_SESSION") is not null : Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb"));
}
