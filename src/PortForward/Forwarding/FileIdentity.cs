namespace PortForward.Forwarding;

/// <summary>Which file is there under a name: it tells a file from another one that has taken its place.</summary>
/// <param name="Device">The file system's number.</param>
/// <param name="Node">The number of the inode; on Windows, which has none to offer, when the file was written.</param>
/// <param name="IsSocket">Whether it is a socket.</param>
internal readonly record struct FileIdentity(long Device, long Node, bool IsSocket)
{
    /// <summary>The file of a name, symbolic links not followed; null if there is none, or none that can be seen.</summary>
    public static FileIdentity? Of(string path) => OperatingSystem.IsWindows() ? OfWindows(path)
        : FileStatus.Of(path) is { } status ? new FileIdentity(status.Device, status.Node, status.IsSocket)
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
}
