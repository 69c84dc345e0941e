using System.Runtime.InteropServices;
using System.Text;
using PortForward.Cli.Startup;

namespace PortForward.Cli.Output;

/// <summary>
/// Standard output or standard error as the system has it: a line is one write, and a closed pipe is noticed. (Console.Out
/// swallows that error, and a FileStream keeps a position of its own, which breaks two programs that share a file.)
/// </summary>
internal sealed partial class StandardStream
{
    private const int BrokenPipe = 32;      // EPIPE
    private const int InputOutputError = 5; // EIO: of a terminal that is gone
    private const int Interrupted = 4;      // EINTR
    private const int WouldBlockLinux = 11; // EAGAIN
    private const int WouldBlockMac = 35;

    private static readonly StreamFault ClosedFromStart = new(IsClosed: true, "it was closed before pf started; redirect it to /dev/null if its lines are not wanted") { IsWorthTelling = true };

    /// <summary>How long to wait when a terminal in non-blocking mode accepts nothing for the moment.</summary>
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

    /// <summary>Writes a text whole.</summary>
    /// <returns>Why that cannot be done; null when it is done.</returns>
    public StreamFault? Write(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return _windowsStream is { } stream ? WriteWindows(stream, bytes)
            : StandardDescriptors.WasClosed(_descriptor) ? ClosedFromStart
            : WriteUnix(bytes);
    }

    private static StreamFault? WriteWindows(Stream stream, byte[] bytes)
    {
        const int PipeIsBroken = unchecked((int)0x8007006D), PipeIsClosing = unchecked((int)0x800700E8); // ERROR_BROKEN_PIPE, ERROR_NO_DATA
        try
        {
            stream.Write(bytes);
            stream.Flush();
            return null;
        }
        catch (IOException e)
        {
            return new StreamFault(IsClosed: e.HResult is PipeIsBroken or PipeIsClosing, e.Message);
        }
    }

    private unsafe StreamFault? WriteUnix(ReadOnlySpan<byte> bytes)
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
                case var error:
                    return new StreamFault(
                        IsClosed: error == BrokenPipe || (error == InputOutputError && IsTerminal(_descriptor) == 1),
                        Marshal.GetPInvokeErrorMessage(error));
            }
        }

        return null;
    }

    [LibraryImport("libc", EntryPoint = "isatty")]
    private static partial int IsTerminal(int descriptor);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static unsafe partial nint Write(int descriptor, byte* buffer, nuint count);
}
