using System.Runtime.InteropServices;
using System.Text;
using PortForward.Cli.Startup;
using PortForward.Forwarding;

namespace PortForward.Cli.Output;

/// <summary>
/// Standard input, output or error as the system has it: a line is one write, and a closed pipe is noticed. (Console.Out
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

    private readonly int _descriptor;
    private readonly Stream? _windowsStream;

    private StandardStream(int descriptor, Func<Stream> open)
    {
        _descriptor = descriptor;
        _windowsStream = OperatingSystem.IsWindows() ? open() : null;
    }

    /// <summary>Standard input.</summary>
    public static StandardStream Input { get; } = new(0, Console.OpenStandardInput);

    /// <summary>Standard output.</summary>
    public static StandardStream Output { get; } = new(1, Console.OpenStandardOutput);

    /// <summary>Standard error.</summary>
    public static StandardStream Error { get; } = new(2, Console.OpenStandardError);

    /// <summary>Writes a text whole.</summary>
    /// <returns>Why that cannot be done; null when it is done.</returns>
    public StreamFault? Write(string text) => Write(Encoding.UTF8.GetBytes(text));

    /// <summary>Writes bytes, all of them.</summary>
    /// <returns>Why that cannot be done; null when it is done.</returns>
    public StreamFault? Write(ReadOnlySpan<byte> bytes) => _windowsStream is { } stream ? WriteWindows(stream, bytes)
        : StandardDescriptors.WasClosed(_descriptor) ? ClosedFromStart
        : WriteUnix(bytes);

    /// <summary>Reads what there is, and waits until there is something.</summary>
    /// <param name="buffer">Where to.</param>
    /// <param name="fault">Why nothing can be read.</param>
    /// <returns>How many bytes; 0 at the end; less if nothing can be read.</returns>
    public int Read(Span<byte> buffer, out StreamFault? fault)
    {
        fault = null;
        return _windowsStream is { } stream ? ReadWindows(stream, buffer, out fault) : ReadUnix(buffer, out fault);
    }

    /// <summary>Waits until nobody is left who reads what is written. False, at once, where the system does not tell.</summary>
    public bool WaitUntilClosed()
    {
        const short Gone = DescriptorPoll.Failed | DescriptorPoll.HungUp;
        return _windowsStream is null && (DescriptorPoll.Wait(_descriptor, events: 0) & Gone) != 0;
    }

    private static int ReadWindows(Stream stream, Span<byte> buffer, out StreamFault? fault)
    {
        fault = null;
        try
        {
            return stream.Read(buffer);
        }
        catch (IOException e)
        {
            fault = new StreamFault(IsClosed: false, e.Message);
            return -1;
        }
    }

    private static StreamFault? WriteWindows(Stream stream, ReadOnlySpan<byte> bytes)
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
                    DescriptorPoll.Wait(_descriptor, DescriptorPoll.Writable);
                    break;
                case var error:
                    return new StreamFault(
                        IsClosed: error == BrokenPipe || (error == InputOutputError && IsTerminal(_descriptor) == 1),
                        Marshal.GetPInvokeErrorMessage(error));
            }
        }

        return null;
    }

    private unsafe int ReadUnix(Span<byte> buffer, out StreamFault? fault)
    {
        fault = null;
        while (true)
        {
            nint read;
            fixed (byte* start = buffer)
            {
                read = Read(_descriptor, start, (nuint)buffer.Length);
            }

            if (read >= 0)
            {
                return (int)read;
            }

            switch (Marshal.GetLastPInvokeError())
            {
                case Interrupted:
                    break;
                case WouldBlockLinux when OperatingSystem.IsLinux():
                case WouldBlockMac when !OperatingSystem.IsLinux():
                    DescriptorPoll.Wait(_descriptor, DescriptorPoll.Readable);
                    break;
                case InputOutputError when IsTerminal(_descriptor) == 1:
                    return 0; // The terminal is gone.
                case var error:
                    fault = new StreamFault(IsClosed: false, Marshal.GetPInvokeErrorMessage(error));
                    return -1;
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "isatty")]
    private static partial int IsTerminal(int descriptor);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static unsafe partial nint Read(int descriptor, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static unsafe partial nint Write(int descriptor, byte* buffer, nuint count);
}
