using System.Threading.Channels;

namespace PortForward.Cli.Output;

/// <summary>
/// Writes lines to a standard stream from a task of its own, so that a terminal stopped with Ctrl-S or a pipe that nobody
/// reads holds up no connection. While the stream accepts nothing, a bounded number of lines waits and later ones are lost.
/// </summary>
internal sealed class LineWriter : IAsyncDisposable
{
    /// <summary>How many lines may wait.</summary>
    private const int Capacity = 4096;

    /// <summary>How long the last lines may take at the end of the program.</summary>
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(1);

    private readonly Channel<string> _texts = Channel.CreateBounded<string>(
        new BoundedChannelOptions(Capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });

    private readonly Task _writing;

    /// <summary>Starts to write.</summary>
    /// <param name="write">Writes a text whole, and says why it cannot.</param>
    /// <param name="onFault">Called once, when the stream accepts nothing any more.</param>
    public LineWriter(Func<string, StreamFault?> write, Action<StreamFault> onFault) => _writing = Task.Run(() => WriteAllAsync(write, onFault));

    /// <summary>Queues a line; it is written whole and at once. Lines after the stream was closed go nowhere.</summary>
    public void WriteLine(string line) => Write(line + Environment.NewLine);

    /// <summary>Queues a text that brings its own end of line.</summary>
    public void Write(string text) => _texts.Writer.TryWrite(text);

    /// <summary>Waits, bounded, until what was queued is written.</summary>
    public async ValueTask DisposeAsync()
    {
        _texts.Writer.TryComplete();
        await Task.WhenAny(_writing, Task.Delay(DrainTimeout));
    }

    private async Task WriteAllAsync(Func<string, StreamFault?> write, Action<StreamFault> onFault)
    {
        await foreach (string text in _texts.Reader.ReadAllAsync())
        {
            if (write(text) is { } fault)
            {
                _texts.Writer.TryComplete();
                onFault(fault);
                return;
            }
        }
    }
}
