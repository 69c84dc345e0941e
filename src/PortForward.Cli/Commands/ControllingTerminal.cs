using System.Runtime.InteropServices;

namespace PortForward.Cli.Commands;

/// <summary>The terminal that the program was started from, if there is one.</summary>
internal static partial class ControllingTerminal
{
    private const int ReadOnly = 0;

    /// <summary>
    /// Whether what is typed there goes to this program and to those that it has started: they are the terminal's foreground group. Not so in the background, nor
    /// without a terminal.
    /// </summary>
    public static bool IsOurs()
    {
        int terminal = Open("/dev/tty", ReadOnly);
        if (terminal < 0)
        {
            return false;
        }

        try
        {
            return GetForegroundGroup(terminal) == GetGroup();
        }
        finally
        {
            _ = Close(terminal);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    public static partial int Kill(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "tcgetpgrp")]
    private static partial int GetForegroundGroup(int descriptor);

    [LibraryImport("libc", EntryPoint = "getpgrp")]
    private static partial int GetGroup();
}
