using System.Runtime.InteropServices;

namespace PortForward.Cli.Startup;

/// <summary>
/// The signals that the program was started with ignored. A shell without job control starts what runs in the background (<c>pf … &amp;</c> in a script)
/// with SIGINT and SIGQUIT ignored, and .NET leaves an ignored signal ignored. Go's runtime does not, so that kubectl ends.
/// </summary>
internal static partial class InheritedSignals
{
    private const int Interrupt = 2, Quit = 3, Terminate = 15;
    private const nint Default = 0, Ignored = 1; // SIG_DFL, SIG_IGN

    /// <summary>More than a <c>struct sigaction</c> of any system; the handler comes first in it.</summary>
    private const int ActionSize = 256;

    /// <summary>
    /// Takes the signals that end a program out of what is ignored; SIGHUP stays as it is, which is what <c>nohup</c> is for. To be called before the
    /// runtime looks at them: it does so when the first signal handler is registered, or the console is used.
    /// </summary>
    public static void Accept()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        Span<byte> action = stackalloc byte[ActionSize];
        foreach (int signal in (ReadOnlySpan<int>)[Interrupt, Quit, Terminate])
        {
            if (GetAction(signal, action: 0, action) == 0 && MemoryMarshal.Read<nint>(action) == Ignored)
            {
                _ = SetHandler(signal, Default);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static partial int GetAction(int signal, nint action, Span<byte> current);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetHandler(int signal, nint handler);
}
