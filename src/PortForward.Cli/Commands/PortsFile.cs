using System.Text;
using System.Text.Json;
using PortForward.Cli.Output;
using PortForward.Cluster;
using PortForward.Forwarding;

namespace PortForward.Cli.Commands;

/// <summary>A file that says where the forwards of a run can be reached. It is there whole or not at all, and goes with the run.</summary>
internal sealed class PortsFile : IDisposable
{
    private readonly string _path;
    private readonly string _text;
    private readonly DateTime _written;
    private int _isDisposed;

    private PortsFile(string path, string text)
    {
        _path = path;
        _text = text;
        _written = File.GetLastWriteTimeUtc(path);
        AppDomain.CurrentDomain.ProcessExit += OnExit;
    }

    /// <summary>Removes what an older run has left: whoever waits for the file must not find that one.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="failure">The exit code if it is no file.</param>
    /// <exception cref="RunException">There is something else of that name, or it cannot be removed.</exception>
    public static void RemoveOlder(string path, int failure)
    {
        string whole = Path.GetFullPath(path);
        try
        {
            if (IsNoRegularFile(whole))
            {
                throw new RunException($"--ports-file {path} is no regular file, and is left as it is (- is stdout)", failure);
            }

            File.Delete(whole);
        }
        catch (DirectoryNotFoundException)
        {
            // Nor can there be an older one then; the folder may be made meanwhile.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunException(
                File.Exists(whole)
                    ? $"--ports-file {path} is that of an older run, and cannot be removed: remove it, or name another file"
                    : $"--ports-file {path} cannot be written: {FileFault.WhyUnwritable(path, e)}",
                failure);
        }
    }

    /// <summary>Writes the file in place of an older one.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="text">What is in it.</param>
    /// <param name="failure">The exit code if it cannot be written.</param>
    /// <exception cref="RunException">It cannot be written; the message says why, in one sentence.</exception>
    public static PortsFile Write(string path, string text, int failure)
    {
        string whole = Path.GetFullPath(path);
        string beside = $"{whole}.{Path.GetRandomFileName()}"; // In the same folder: only there a rename is one step.
        try
        {
            using (var file = new FileStream(beside, FileMode.CreateNew, FileAccess.Write))
            {
                file.Write(Encoding.UTF8.GetBytes(text));
            }

            File.Move(beside, whole, overwrite: true);
            return new PortsFile(whole, text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(beside);
            throw new RunException($"--ports-file {path} cannot be written: {FileFault.WhyUnwritable(path, e)}", failure);
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

    /// <summary>The forwards as environment variables, for a shell to read. A socket file's path may have signs that would be commands there.</summary>
    public static string Variables(IReadOnlyCollection<Forward> forwards) =>
        string.Concat(ForwardVariables.Of(forwards, static _ => false).Select(static variable => $"{variable.Key}={ShellText.Value(variable.Value)}\n"));

    /// <summary>Removes the file, unless another run has put its own there.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        try
        {
            // A run with the same ports writes the same text, and at another time.
            if (File.GetLastWriteTimeUtc(_path) == _written && File.ReadAllText(_path) == _text)
            {
                File.Delete(_path);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody else has removed it, or its folder: there is nothing left to do.
        }
    }

    /// <summary>Whether there is something of that name, and no file that a run can have left.</summary>
    private static bool IsNoRegularFile(string path)
    {
        const FileAttributes Other = FileAttributes.Device | FileAttributes.Directory | FileAttributes.ReparsePoint;
        return OperatingSystem.IsWindows()
            ? Directory.Exists(path) || (new FileInfo(path) is { Exists: true } file && (file.Attributes & Other) != FileAttributes.None)
            : FileStatus.Of(path) is { IsRegular: false };
    }

    /// <summary>A program that is told to end at once does not come to its own end.</summary>
    private void OnExit(object? sender, EventArgs e) => Dispose();

    private static void Write(Utf8JsonWriter json, Forward forward)
    {
        json.WriteStartObject(forward.Name);
        json.WriteString("target", forward.Target);
        json.WriteString("namespace", forward.Namespace);
        json.WriteString("host", forward.Host);
        json.WriteNumber("port", forward.Port);
        if (forward.First.Path is { } first)
        {
            json.WriteString("path", first);
        }

        json.WriteStartArray("ports");
        foreach (ForwardPort port in forward.Ports)
        {
            json.WriteStartObject();
            json.WriteNumber("remote", port.Number);
            if (port.Name is not null)
            {
                json.WriteString("name", port.Name);
            }

            if (port.Path is { } path)
            {
                json.WriteString("path", path);
            }
            else
            {
                json.WriteString("address", port.Host);
                json.WriteNumber("port", port.Port);
            }

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
