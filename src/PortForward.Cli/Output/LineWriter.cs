using System.Threading.Channels;

namespace PortForward.Cli.Output;

/// <summary>
/// Writes lines to a standard stream from a task of its own, so that a terminal stopped with Ctrl-S or a pipe that nobody
/// reads holds up no connection. While the stream takes nothing, a bounded number of lines waits and later ones are lost.
/// </summary>
internal sealed class LineWriter : IAsyncDisposable
{
    /// <summary>How many lines may wait.</summary>
    private const int Capacity = 4096;

    /// <summary>How long the last lines may take at the end of the program.</summary>
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(1);

    private readonly Channel<string> _lines = Channel.CreateBounded<string>(
        new BoundedChannelOptions(Capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });

    private readonly Task _writing;

    /// <summary>Starts to write.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="onClosed">Called once, when nobody can read the stream any more.</param>
    public LineWriter(StandardStream stream, Action onClosed) => _writing = Task.Run(() => WriteAllAsync(stream, onClosed));

    /// <summary>Queues a line; it is written whole and at once. Lines after the stream was closed go nowhere.</summary>
    public void WriteLine(string line) => _lines.Writer.TryWrite(line);

    /// <summary>Waits, bounded, until what was queued is written.</summary>
    public async ValueTask DisposeAsync()
    {
        _lines.Writer.TryComplete();
        await Task.WhenAny(_writing, Task.Delay(DrainTimeout));
    }

    private async Task WriteAllAsync(StandardStream stream, Action onClosed)
    {
        await foreach (string line in _lines.Reader.ReadAllAsync())
        {
            if (!stream.TryWriteLine(line))
            {
                _lines.Writer.TryComplete();
                onClosed();
                return;
            }
        }
    }
}
