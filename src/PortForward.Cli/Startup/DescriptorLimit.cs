using System.Runtime.InteropServices;

namespace PortForward.Cli.Startup;

/// <summary>How many files and sockets the program may have open: the limit that <c>ulimit -n</c> shows.</summary>
internal static partial class DescriptorLimit
{
    /// <summary>More is not asked for: some programs that a plug-in may start close every number up to the limit.</summary>
    public const ulong Most = 65_536;

    /// <summary>With fewer not even one connection is served: stdin and its like, the runtime, the listeners, the watch and the tunnel take the others.</summary>
    private const ulong Fewest = 16;

    private const string OpenDescriptors = "/dev/fd";
    private const int NumberOfFilesLinux = 7, NumberOfFilesMac = 8; // RLIMIT_NOFILE

    /// <summary>The limit in force; null where there is none (Windows), or it is not known.</summary>
    public static ulong? Current { get; private set; }

    /// <summary>Raises the soft limit to the hard one, within reason.</summary>
    public static void Raise()
    {
        int resource = OperatingSystem.IsMacOS() ? NumberOfFilesMac : NumberOfFilesLinux;
        if (OperatingSystem.IsWindows() || GetLimit(resource, out Limit limit) != 0)
        {
            return;
        }

        ulong wanted = Wanted(limit.Soft, limit.Hard, OperatingSystem.IsMacOS() ? PerProcess() : ulong.MaxValue);
        bool isRaised = wanted > limit.Soft && SetLimit(resource, limit with { Soft = wanted }) == 0;
        Current = isRaised ? wanted : limit.Soft;
    }

    /// <summary>The soft limit to set; never less than there is.</summary>
    /// <param name="soft">The one in force.</param>
    /// <param name="hard">The most that the user may set.</param>
    /// <param name="ceiling">The most that the system takes, whatever the hard limit says.</param>
    public static ulong Wanted(ulong soft, ulong hard, ulong ceiling) => Math.Max(soft, Math.Min(Math.Min(hard, ceiling), Most));

    /// <summary>Says that a limit is too low for the program to work at all; null if it is not.</summary>
    /// <param name="limit">The limit in force; null for none.</param>
    public static string? WhyTooLow(ulong? limit) => limit < Fewest ? $"the limit of open files (ulimit -n) is {limit}: pf needs at least {Fewest}" : null;

    /// <summary>How many are in use now, those that the program was started with included.</summary>
    public static int InUse() => Directory.Exists(OpenDescriptors) ? Directory.EnumerateFileSystemEntries(OpenDescriptors).Count() : 0;

    /// <summary>macOS says that there is no limit, and then refuses more than this.</summary>
    private static ulong PerProcess()
    {
        const ulong OpenMax = 10_240;
        nuint size = sizeof(int);
        return GetSystemValue("kern.maxfilesperproc", out int value, ref size, newValue: 0, newSize: 0) == 0 && value > 0 ? (ulong)value : OpenMax;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out Limit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, in Limit limit);

    [LibraryImport("libc", EntryPoint = "sysctlbyname", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int GetSystemValue(string name, out int value, ref nuint size, nint newValue, nuint newSize);

    /// <summary>A <c>struct rlimit</c> of a system with 64 bits.</summary>
    private readonly record struct Limit(ulong Soft, ulong Hard);
}
