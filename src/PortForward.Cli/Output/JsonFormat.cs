using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace PortForward.Cli.Output;

/// <summary>
/// One JSON object a line: <c>time</c>, <c>type</c>, <c>level</c>, <c>message</c>, <c>reason</c>, and the fields of the event. Everything outside ASCII, and
/// every control character, is escaped.
/// </summary>
internal sealed class JsonFormat(TimeProvider time)
{
    /// <summary>Writes an event, with the end of its line.</summary>
    /// <param name="event">The event.</param>
    /// <param name="forward">The forward that it is about; null while that is not known.</param>
    public string Render(OutputEvent @event, ForwardIdentity? forward)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("time", time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
            json.WriteString("type", @event.Type);
            json.WriteString("level", StableName.Of(@event.Level));
            json.WriteString("message", UntrustedText.Shortened(@event.Message, OutputEvent.MaxLength));
            WriteText(json, "reason", @event.Reason);
            WriteText(json, "forward", forward?.Name);
            WriteText(json, "target", forward?.Target);
            WriteText(json, "namespace", forward?.Namespace);
            WriteText(json, "context", forward?.Context);
            WriteText(json, "pod", @event.Pod);
            if (@event.Local is { } local)
            {
                WriteLocal(json, local);
            }

            if (@event.Remote is { } remote)
            {
                json.WriteStartObject("remote");
                json.WriteNumber("port", remote.Number);
                WriteText(json, "name", remote.Name);
                json.WriteEndObject();
            }

            foreach ((string name, object? value) in @event.Fields)
            {
                WriteField(json, name, value);
            }

            WriteText(json, "category", @event.Category);
            WriteText(json, "exception", @event.Exception?.ToString());
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length) + Environment.NewLine;
    }

    private static void WriteLocal(Utf8JsonWriter json, EndPoint local)
    {
        json.WriteStartObject("local");
        if (local is IPEndPoint address)
        {
            json.WriteString("address", address.Address.ToString());
            json.WriteNumber("port", address.Port);
        }
        else
        {
            json.WriteString("path", local.ToString());
        }

        json.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter json, string name, string? text)
    {
        if (text is not null)
        {
            json.WriteString(name, text);
        }
    }

    private static void WriteField(Utf8JsonWriter json, string name, object? value)
    {
        switch (value)
        {
            case null:
                break;
            case int number:
                json.WriteNumber(name, number);
                break;
            case long number:
                json.WriteNumber(name, number);
                break;
            case double number:
                json.WriteNumber(name, Math.Round(number, 3));
                break;
            case IEnumerable<string> list:
                json.WriteStartArray(name);
                foreach (string item in list)
                {
                    json.WriteStringValue(item);
                }

                json.WriteEndArray();
                break;
            default:
                json.WriteString(name, Convert.ToString(value, CultureInfo.InvariantCulture));
                break;
        }
    }
}
