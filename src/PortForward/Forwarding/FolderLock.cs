using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace PortForward.Forwarding;

/// <summary>
/// Keeps programs apart that create or remove a socket in the same folder: between the look at an old socket and its removal no other one may take its place. The
/// folder itself is locked (flock), so that nothing is left behind, and the system unlocks it when a program dies.
/// </summary>
internal sealed partial class FolderLock : IDisposable
{
    private const int ReadOnly = 0, CloseOnExecLinux = 0x80000, CloseOnExecMac = 0x1000000; // O_RDONLY, O_CLOEXEC
    private const int ExclusiveAtOnce = 2 | 4; // LOCK_EX | LOCK_NB

    /// <summary>How long to wait for another program. It takes none of them a millisecond; one that never ends means harm, and is not waited for.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(2);

    private readonly IDisposable _held;

    private FolderLock(IDisposable held) => _held = held;

    /// <summary>Locks a folder. It goes without where a folder cannot be locked: one that may not be read, or on a server that does not know of it.</summary>
    /// <param name="folder">The folder's path.</param>
    /// <returns>The lock; null if there is none.</returns>
    public static FolderLock? Take(string folder)
    {
        long started = TimeProvider.System.GetTimestamp();
        do
        {
            IDisposable? held = OperatingSystem.IsWindows() ? TryTakeWindows(folder, out bool isTaken) : TryTakeUnix(folder, out isTaken);
            if (held is not null)
            {
                return new FolderLock(held);
            }

            if (!isTaken)
            {
                return null;
            }

            Thread.Sleep(RetryDelay);
        }
        while (TimeProvider.System.GetElapsedTime(started) < Patience);
        return null;
    }

    public void Dispose() => _held.Dispose();

    private static SafeFileHandle? TryTakeUnix(string folder, out bool isTaken)
    {
        const int WouldBlockLinux = 11, WouldBlockMac = 35;
        isTaken = false;
        int descriptor = Open(folder, ReadOnly | (OperatingSystem.IsLinux() ? CloseOnExecLinux : CloseOnExecMac));
        if (descriptor < 0)
        {
            return null;
        }

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (Flock(descriptor, ExclusiveAtOnce) == 0)
        {
            return handle;
        }

        isTaken = Marshal.GetLastPInvokeError() is WouldBlockLinux or WouldBlockMac;
        handle.Dispose();
        return null;
    }

    /// <summary>Windows locks no folder: a file stands for it, which goes with its last handle.</summary>
    private static FileStream? TryTakeWindows(string folder, out bool isTaken)
    {
        const int SharingViolation = unchecked((int)0x80070020);
        isTaken = false;
        try
        {
            return new FileStream(Path.Combine(folder, ".pf.lock"), FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            isTaken = e.HResult == SharingViolation;
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(int descriptor, int operation);
}
