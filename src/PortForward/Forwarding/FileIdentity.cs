using System.Runtime.InteropServices;

namespace PortForward.Forwarding;

/// <summary>Which file is there under a name: it tells a file from another one that has taken its place.</summary>
/// <param name="Device">The file system's number.</param>
/// <param name="Node">The number of the inode; on Windows, which has none to offer, when the file was written.</param>
/// <param name="IsSocket">Whether it is a socket.</param>
internal readonly partial record struct FileIdentity(long Device, long Node, bool IsSocket)
{
    private const int TypeMask = 0xF000, SocketType = 0xC000; // S_IFMT, S_IFSOCK: the runtime's lstat has them alike on all systems

    /// <summary>The file of a name, symbolic links not followed; null if there is none, or none that can be seen.</summary>
    public static FileIdentity? Of(string path) => OperatingSystem.IsWindows() ? OfWindows(path)
        : LStat(path, out Status status) == 0 ? new FileIdentity(status.Device, status.Node, (status.Mode & TypeMask) == SocketType)
        : null;

    private static FileIdentity? OfWindows(string path)
    {
        try
        {
            FileAttributes attributes = File.GetAttributes(path);
            bool isLinkOrSocket = (attributes & (FileAttributes.ReparsePoint | FileAttributes.Directory)) == FileAttributes.ReparsePoint;
            return new FileIdentity(0, File.GetLastWriteTimeUtc(path).Ticks, isLinkOrSocket && new FileInfo(path).LinkTarget is null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The runtime's own: a <c>struct stat</c> is another one on each system, and old versions of glibc have no such function.</summary>
    [LibraryImport("libSystem.Native", EntryPoint = "SystemNative_LStat", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LStat(string path, out Status status);

    /// <summary>The runtime's <c>FileStatus</c>.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private readonly struct Status
    {
        [FieldOffset(4)]
        public readonly int Mode;

        [FieldOffset(88)]
        public readonly long Device;

        [FieldOffset(104)]
        public readonly long Node;
    }
}
