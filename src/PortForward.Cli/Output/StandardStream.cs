using System.Runtime.InteropServices;
using System.Text;

namespace PortForward.Cli.Output;

/// <summary>
/// Standard output or standard error as the system has it: a line is one write, and a closed pipe is noticed. (Console.Out
/// swallows that error, and a FileStream keeps a position of its own, which breaks two programs that share a file.)
/// </summary>
internal sealed partial class StandardStream
{
    private const int BrokenPipe = 32;      // EPIPE
    private const int Interrupted = 4;      // EINTR
    private const int WouldBlockLinux = 11; // EAGAIN
    private const int WouldBlockMac = 35;

    /// <summary>How long to wait when a terminal in non-blocking mode takes nothing for the moment.</summary>
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(5);

    private readonly int _descriptor;
    private readonly Stream? _windowsStream;

    private StandardStream(int descriptor, Func<Stream> open)
    {
        _descriptor = descriptor;
        _windowsStream = OperatingSystem.IsWindows() ? open() : null;
    }

    /// <summary>Standard output.</summary>
    public static StandardStream Output { get; } = new(1, Console.OpenStandardOutput);

    /// <summary>Standard error.</summary>
    public static StandardStream Error { get; } = new(2, Console.OpenStandardError);

    /// <summary>Writes a line whole.</summary>
    /// <returns>False when nobody can read it any more.</returns>
    public bool TryWriteLine(string line)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(line + Environment.NewLine);
        return _windowsStream is { } stream ? TryWriteWindows(stream, bytes) : TryWriteUnix(bytes);
    }

    private static bool TryWriteWindows(Stream stream, byte[] bytes)
    {
        try
        {
            stream.Write(bytes);
            stream.Flush();
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private unsafe bool TryWriteUnix(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            nint written;
            fixed (byte* start = bytes)
            {
                written = Write(_descriptor, start, (nuint)bytes.Length);
            }

            if (written >= 0)
            {
                bytes = bytes[(int)written..];
                continue;
            }

            switch (Marshal.GetLastPInvokeError())
            {
                case Interrupted:
                    break;
                case WouldBlockLinux when OperatingSystem.IsLinux():
                case WouldBlockMac when !OperatingSystem.IsLinux():
                    Thread.Sleep(RetryDelay);
                    break;
                case BrokenPipe:
                default:
                    return false; // A full disk or a closed descriptor is no better than a closed pipe.
            }
        }

        return true;
    }

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static unsafe partial nint Write(int descriptor, byte* buffer, nuint count);
}
