using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using PortForward.Forwarding;

namespace PortForward.Cli.Files;

/// <summary>Opens and reads a file of forwards, within bounds. One that was found is read only if it is a regular file of the user's own, where it seems to be.</summary>
internal static partial class RunFileOpening
{
    /// <summary>The name that stands for stdin.</summary>
    public const string Stdin = "-";

    /// <summary>The most bytes that a file may have.</summary>
    public const int MaxSize = 1024 * 1024;

    private const int NoSuchFile = 2; // ENOENT

    /// <summary>Reads a file that somebody has named, whatever it is.</summary>
    /// <exception cref="FileException">It cannot be read.</exception>
    public static FileText ReadNamed(string path)
    {
        if (path.Length == 0)
        {
            throw new FileException("--filename has an empty name: is its variable set?");
        }

        if (path == Stdin)
        {
            using Stream input = Console.OpenStandardInput();
            return new FileText("stdin", Environment.CurrentDirectory, Read(input, "stdin"), IsNamed: true);
        }

        if (Directory.Exists(path))
        {
            throw new FileException($"{path} is a folder: name the file in it");
        }

        using FileStream file = Try(() => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 1), path);
        return new FileText(path, Path.GetDirectoryName(Path.GetFullPath(path))!, Read(file, path), IsNamed: true);
    }

    /// <summary>Reads a file that was found.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="within">The folder that it has to be in once links were followed; null if that does not matter.</param>
    /// <exception cref="FileException">It cannot be read, or must be named first.</exception>
    public static FileText ReadFound(string path, string? within)
    {
        string next = $"name it with -f {path} if you trust it";
        if (within is not null && !RealPath.IsWithin(path, within))
        {
            throw new FileException($"{path} is a link to a file outside of {within}: {next}");
        }

        if (Directory.Exists(path))
        {
            throw new FileException($"{path} is a folder, and no file");
        }

        // A pipe without a writer would keep an ordinary opening waiting.
        using SafeFileHandle handle = OperatingSystem.IsWindows() ? Try(() => File.OpenHandle(path), path) : Try(() => OpenAtOnce(path), path);
        if (!OperatingSystem.IsWindows())
        {
            if (FileStatus.Of(handle) is not { IsRegular: true } status)
            {
                throw new FileException($"{path} is no regular file: {next}");
            }

            if (status.User != EffectiveUser() && status.User != 0)
            {
                throw new FileException($"{path} belongs to another user: {next}");
            }
        }

        using FileStream file = Try(() => new FileStream(handle, FileAccess.Read, bufferSize: 1), path);
        return new FileText(path, Path.GetDirectoryName(path)!, Read(file, path), IsNamed: false);
    }

    private static SafeFileHandle OpenAtOnce(string path)
    {
        (int nonBlocking, int closeOnExec) = OperatingSystem.IsMacOS() || OperatingSystem.IsFreeBSD() ? (0x4, 0x100_0000) : (0x800, 0x8_0000); // O_NONBLOCK, O_CLOEXEC
        int descriptor = Open(path, nonBlocking | closeOnExec);
        int error = Marshal.GetLastPInvokeError();
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true)
            : error == NoSuchFile ? throw new FileNotFoundException()
            : throw new IOException(Marshal.GetPInvokeErrorMessage(error));
    }

    private static T Try<T>(Func<T> open, string path)
    {
        try
        {
            return open();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FileException($"{path} does not exist");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new FileException($"{path} cannot be read: {FileFault.WhyUnreadable(path, e)}");
        }
    }

    private static string Read(Stream file, string path)
    {
        byte[] bytes = Try(() => ReadBounded(file, path), path);
        ReadOnlySpan<byte> rest = bytes;
        if (rest.StartsWith(Encoding.Unicode.Preamble) || rest.StartsWith(Encoding.BigEndianUnicode.Preamble))
        {
            throw new FileException($"{path}:1:1: the file is in UTF-16: save it as UTF-8");
        }

        rest = rest.StartsWith(Encoding.UTF8.Preamble) ? rest[Encoding.UTF8.Preamble.Length..] : rest; // Editors of Windows write it.
        try
        {
            string text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(rest);
            return text.Contains('\0', StringComparison.Ordinal) ? throw new FileException($"{path} is no text") : text;
        }
        catch (DecoderFallbackException)
        {
            throw new FileException($"{path} is no text in UTF-8: save it as UTF-8");
        }
    }

    private static byte[] ReadBounded(Stream file, string path)
    {
        using var bytes = new MemoryStream();
        byte[] buffer = new byte[16384];
        while (file.Read(buffer) is > 0 and int read)
        {
            bytes.Write(buffer, 0, read);
            if (bytes.Length > MaxSize)
            {
                throw new FileException($"{path} has more than {MaxSize >> 20} MiB, which is no file of forwards");
            }
        }

        return bytes.ToArray();
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}
