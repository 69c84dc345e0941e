using System.Runtime.InteropServices;

namespace PortForward.Cli.Startup;

/// <summary>
/// The descriptors 0, 1 and 2. One that is closed would be given to the next file or socket, which then gets what is written to stdout or stderr: the
/// null device takes its place, as in Go's programs.
/// </summary>
internal static partial class StandardDescriptors
{
    private const int GetFlags = 1, CloseOnExec = 1, ReadWrite = 2; // F_GETFD, FD_CLOEXEC, O_RDWR

    private static readonly bool[] Closed = new bool[3];

    /// <summary>Opens what is closed. To be called before anything else opens a descriptor.</summary>
    public static void OpenMissing()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        for (int descriptor = 0; descriptor < Closed.Length; descriptor++)
        {
            int flags = Control(descriptor, GetFlags);

            // What a program inherits is never marked to be closed when it starts another one: what is marked, the runtime has opened meanwhile.
            Closed[descriptor] = flags < 0 || (flags & CloseOnExec) != 0;
            if (flags < 0)
            {
                _ = Open("/dev/null", ReadWrite); // It gets the lowest number that is free, which is this one.
            }
        }
    }

    /// <summary>Whether a descriptor was closed when the program started.</summary>
    public static bool WasClosed(int descriptor) => Closed[descriptor];

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(int descriptor, int command);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
