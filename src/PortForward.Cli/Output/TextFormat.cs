using System.Globalization;
using System.Text;

namespace PortForward.Cli.Output;

/// <summary>
/// Messages for the user as they are; diagnostics with the time, the level's letter and the place they come from, as kubectl's. On a
/// terminal the line that says what is waited for stays one line, rewritten until something else is said.
/// </summary>
internal sealed class TextFormat(TimeProvider time, bool isTerminal)
{
    private const string BackToStart = "\r\u001b[K";

    private bool _isWaiting;

    /// <summary>Writes an event, with the end of its line. Called for one event at a time.</summary>
    public string Render(OutputEvent @event)
    {
        // Servers, pods and files have written parts of it. Here, so that no caller can forget.
        string message = UntrustedText.Escaped(@event.Message, OutputEvent.MaxLength);
        var text = new StringBuilder(_isWaiting ? BackToStart : "");
        _isWaiting = isTerminal && @event.Type == EventTypes.Waiting;
        if (_isWaiting)
        {
            // A line that is wrapped cannot be rewritten.
            int width = Math.Max(20, Console.BufferWidth - 1);
            return text.Append(UntrustedText.Escaped(message, width)).ToString();
        }

        if (@event.Category is { } category)
        {
            string now = time.GetLocalNow().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
            text.Append(CultureInfo.InvariantCulture, $"{@event.Level.ToString()[0]} {now} {category[(category.LastIndexOf('.') + 1)..]}: ");
        }

        text.AppendLine(message);
        foreach (string line in ExceptionText.Lines(@event.Exception))
        {
            text.AppendLine(UntrustedText.Escaped(line, OutputEvent.MaxLength));
        }

        return text.ToString();
    }
}
