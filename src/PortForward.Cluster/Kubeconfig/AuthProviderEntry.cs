using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace PortForward.Cluster.Kubeconfig;

/// <summary>
/// The <c>auth-provider</c> section of a user as it is in its file now, which other programs may have changed since it was read, and which can be changed as
/// kubectl does. Only the values change; comments, order and everything else stay as they are.
/// </summary>
/// <param name="path">The kubeconfig file.</param>
/// <param name="user">The user's name in it.</param>
/// <param name="time">The clock by which to wait for another program that writes to it.</param>
internal sealed class AuthProviderEntry(string path, string user, TimeProvider time)
{
    private const int LockAttempts = 40;

    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(50);

    /// <summary>The file.</summary>
    public string Path => path;

    /// <summary>The section's <c>config</c> as it is now; null if it is no longer there or the file cannot be read.</summary>
    public ConfigMapping? Read()
    {
        try
        {
            return Find(KubeconfigFile.Read(path).Root);
        }
        catch (Exception e) when (e is ClusterException or FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Changes values, or adds those that are not there. The file keeps its mode; nobody sees it half written.</summary>
    /// <exception cref="ClusterException">It cannot be done, and nothing has changed.</exception>
    public async Task WriteAsync(IReadOnlyList<KeyValuePair<string, string>> values, CancellationToken cancellationToken)
    {
        try
        {
            // So kubectl keeps others away.
            using FileStream gate = await LockAsync(cancellationToken).ConfigureAwait(false);
            var file = KubeconfigFile.Read(path);
            string text = Change(file, values);
            string target = File.ResolveLinkTarget(file.Path, returnFinalTarget: true)?.FullName ?? file.Path;
            Replace(target, [.. file.Encoding.GetPreamble(), .. file.Encoding.GetBytes(text)]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ClusterException($"the kubeconfig {path} cannot be written: {UntrustedText.OneLine(e.Message)}", e);
        }
    }

    /// <summary>The text with other values.</summary>
    private string Change(KubeconfigFile file, IReadOnlyList<KeyValuePair<string, string>> values)
    {
        ConfigMapping config = Find(file.Root) ?? throw Unchanged();
        var text = new StringBuilder(file.Text);
        int rest = text.Length;
        foreach (Edit edit in values.Select(value => Plan(file.Text, config, value.Key, value.Value)).OrderByDescending(edit => edit.Start))
        {
            if (edit.End > rest)
            {
                throw Unchanged();
            }

            text.Remove(edit.Start, edit.End - edit.Start).Insert(edit.Start, edit.Text);
            rest = edit.Start;
        }

        string changed = text.ToString();
        return IsAsWanted(changed, config, values) ? changed : throw Unchanged();
    }

    /// <summary>YAML can be written in more ways than are foreseen here, so it is read again before anyone else does.</summary>
    private bool IsAsWanted(string changed, ConfigMapping before, IReadOnlyList<KeyValuePair<string, string>> values)
    {
        try
        {
            ConfigMapping? now = Find(KubeconfigFile.ReadRoot(changed, path));
            return values.All(value => now?.Text(value.Key) == value.Value)
                && before.Fields.Keys.Except(values.Select(value => value.Key), StringComparer.Ordinal).All(key => now?.Text(key) == before.Text(key));
        }
        catch (ClusterException)
        {
            return false;
        }
    }

    private Edit Plan(string text, ConfigMapping config, string key, string value)
    {
        switch (config.Fields.GetValueOrDefault(key))
        {
            case ConfigScalar scalar:
                string written = IsSafePlain(value) && scalar is { IsPlain: true, Value.Length: > 0 } ? value : Quote(value);
                bool needsSpace = scalar.Start == scalar.End && scalar.Start > 0 && !char.IsWhiteSpace(text[scalar.Start - 1]);
                bool endsLine = scalar.End > scalar.Start && text[scalar.End - 1] == '\n';
                return new Edit(scalar.Start, scalar.End, $"{(needsSpace ? " " : "")}{written}{(endsLine ? "\n" : "")}");
            case null when config.FirstKey is { } first:
                int column = first - (text.LastIndexOf('\n', Math.Max(first - 1, 0)) + 1);
                string separator = config.IsFlow ? ", " : $"\n{new string(' ', column)}";
                return new Edit(first, first, $"{(config.IsFlow ? Quote(key) : key)}: {Quote(value)}{separator}");
            default:
                throw Unchanged();
        }
    }

    private ConfigMapping? Find(ConfigMapping? root)
    {
        ConfigMapping? entry = (root?.Fields.GetValueOrDefault("users") as ConfigList)?.Items.OfType<ConfigMapping>().FirstOrDefault(one => one.Text("name") == user);
        ConfigMapping? provider = Inner(Inner(entry, "user"), "auth-provider");
        return Inner(provider, "config");
    }

    private static ConfigMapping? Inner(ConfigMapping? mapping, string field) => mapping?.Fields.GetValueOrDefault(field) as ConfigMapping;

    /// <summary>Whether a value can be written without quotes: no number, date, truth value or null begins with a letter and is so long.</summary>
    private static bool IsSafePlain(string value) => value.Length > 5 && char.IsAsciiLetter(value[0]) && value.All(c => char.IsAsciiLetterOrDigit(c) || "._~+/=-".Contains(c));

    private static string Quote(string value) => $"\"{JsonEncodedText.Encode(value, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    private static void Replace(string target, byte[] content)
    {
        string temporary = $"{target}.{Guid.NewGuid():N}.tmp";
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using (var stream = new FileStream(temporary, options))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(temporary, File.GetUnixFileMode(target));
            }

            File.Replace(temporary, target, destinationBackupFileName: null);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private async Task<FileStream> LockAsync(CancellationToken cancellationToken)
    {
        string name = $"{path}.lock";
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return new FileStream(name, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
            }
            catch (IOException e) when (attempt < LockAttempts && (SaysItExists(e) || File.Exists(name)))
            {
                await Task.Delay(LockPause, time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Whether the file was there when it was to be created; it may have gone since.</summary>
    private static bool SaysItExists(IOException e)
    {
        const int UnixFileExists = 17, WindowsFileExists = unchecked((int)0x80070050); // EEXIST, ERROR_FILE_EXISTS
        return e.HResult is UnixFileExists or WindowsFileExists;
    }

    private ClusterException Unchanged() => new($"the kubeconfig {path} cannot be changed: its auth-provider of user \"{user}\" is gone, or written in a way that does not allow it");

    private sealed record Edit(int Start, int End, string Text);
}
