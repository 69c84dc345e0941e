using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace PortForward.Forwarding;

/// <summary>What the system says of a file. Windows has nothing like it.</summary>
/// <remarks>The runtime's own <c>FileStatus</c>: a <c>struct stat</c> is another one on each system, and old versions of glibc have no function for it.</remarks>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal readonly partial struct FileStatus
{
    private const int TypeMask = 0xF000, RegularType = 0x8000, SocketType = 0xC000; // S_IFMT, S_IFREG, S_IFSOCK: the runtime has them alike on all systems

    [FieldOffset(4)]
    private readonly int _mode;

    [FieldOffset(8)]
    private readonly uint _user;

    [FieldOffset(88)]
    private readonly long _device;

    [FieldOffset(104)]
    private readonly long _node;

    /// <summary>Whether it is an ordinary file, and no folder, link, socket, pipe or device.</summary>
    public bool IsRegular => (_mode & TypeMask) == RegularType;

    /// <summary>Whether it is a socket.</summary>
    public bool IsSocket => (_mode & TypeMask) == SocketType;

    /// <summary>The user whom it belongs to.</summary>
    public uint User => _user;

    /// <summary>The file system's number.</summary>
    public long Device => _device;

    /// <summary>The number of the inode.</summary>
    public long Node => _node;

    /// <summary>That of the file of a name, symbolic links not followed; null if there is none, or none that can be seen.</summary>
    public static FileStatus? Of(string path) => LStat(path, out FileStatus status) == 0 ? status : null;

    /// <summary>That of an open file; null if the system does not say.</summary>
    public static FileStatus? Of(SafeFileHandle file) => FStat(file, out FileStatus status) == 0 ? status : null;

    [LibraryImport("libSystem.Native", EntryPoint = "SystemNative_LStat", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LStat(string path, out FileStatus status);

    [LibraryImport("libSystem.Native", EntryPoint = "SystemNative_FStat")]
    private static partial int FStat(SafeFileHandle file, out FileStatus status);
}
