using System.Text;
using System.Text.Json;
using PortForward.Cluster;

namespace PortForward.Cli.Commands;

/// <summary>A file that says where the forwards of a run can be reached. It is there whole or not at all, and goes with the run.</summary>
internal sealed class PortsFile : IDisposable
{
    private readonly string _path;

    private PortsFile(string path) => _path = path;

    /// <summary>Writes the file in place of an older one.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="text">What is in it.</param>
    /// <param name="failure">The exit code if it cannot be written.</param>
    /// <exception cref="RunException">It cannot be written; the message says why, in one sentence.</exception>
    public static PortsFile Write(string path, string text, int failure)
    {
        string whole = Path.GetFullPath(path);
        string beside = $"{whole}.{Environment.ProcessId}.tmp"; // In the same folder: only there a rename is one step.
        try
        {
            File.WriteAllText(beside, text);
            File.Move(beside, whole, overwrite: true);
            return new PortsFile(whole);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(beside);
            throw new RunException($"--ports-file {path} cannot be written: {e.Message.TrimEnd('.')}", failure);
        }
    }

    /// <summary>The forwards as JSON: an object for each by its name, with its target, host and ports.</summary>
    public static string Json(IEnumerable<Forward> forwards)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteStartObject("forwards");
            foreach (Forward forward in forwards)
            {
                Write(json, forward);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray()) + Environment.NewLine;
    }

    /// <summary>The forwards as environment variables, for a shell or a file of them.</summary>
    public static string Variables(IEnumerable<Forward> forwards) =>
        string.Concat(ForwardVariables.Of(forwards, static _ => false).Select(static variable => $"{variable.Key}={variable.Value}\n"));

    /// <summary>Removes the file.</summary>
    public void Dispose() => TryDelete(_path);

    private static void Write(Utf8JsonWriter json, Forward forward)
    {
        json.WriteStartObject(forward.Name);
        json.WriteString("target", forward.Target);
        json.WriteString("namespace", forward.Namespace);
        json.WriteString("host", forward.Host);
        json.WriteNumber("port", forward.Port);
        json.WriteStartArray("ports");
        foreach (ForwardPort port in forward.Ports)
        {
            json.WriteStartObject();
            json.WriteNumber("remote", port.Number);
            if (port.Name is not null)
            {
                json.WriteString("name", port.Name);
            }

            json.WriteString("address", port.Local[0].Address.ToString());
            json.WriteNumber("port", port.Local[0].Port);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody else has removed it, or its folder: there is nothing left to do.
        }
    }
}
